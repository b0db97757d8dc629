// Shows what the server works on, and says when the page is older than what it holds.
const place = document.getElementById("work");
const AFTER = 3000;
let shown = null;

async function look() {
  const answer = await fetch("/api/status");
  if (!answer.ok) return;
  const status = await answer.json();
  const state = `${status.index} ${status.judged}`;
  shown ??= state;
  if (status.work) {
    const { task, done, total } = status.work;
    place.textContent = total
      ? `${task}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`
      : `${task}: begins`;
    place.hidden = false;
  } else if (state !== shown) {
    place.textContent = "There is more now. ";
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Show it";
    place.append(link);
    place.hidden = false;
  } else {
    place.hidden = true;
  }
}

async function keepLooking() {
  try {
    if (!document.hidden) await look();
  } catch {
    // The server is gone, or starts again: the next look tells.
  }
  setTimeout(keepLooking, AFTER);
}

if (location.pathname !== "/login") keepLooking();
