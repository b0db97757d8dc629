// What a person does with a canvas of points, by pointer or by keys: pan, zoom, point, encircle.

const STEP = 60;
const LEAST_STEP = 4;
const MOST_CORNERS = 100;

// `tools` has `lassoing()`, `pointed(x, y)`, `picked(x, y)`, `drawn(places)` and `encircled(places)`.
export function listen(cloud, tools) {
  const { canvas } = cloud;
  const held = new Map();
  let trail = null;
  let travelled = 0;

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, at(event));
    cloud.held = true;
    cloud.last = performance.now();
    travelled = 0;
    trail = held.size === 1 && (tools.lassoing() || event.shiftKey) ? [at(event)] : null;
  });

  canvas.addEventListener("pointermove", (event) => {
    const now = at(event);
    const before = held.get(event.pointerId);
    if (!before) return tools.pointed(...now);
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (trail) {
      const last = trail[trail.length - 1];
      if (Math.hypot(now[0] - last[0], now[1] - last[1]) < LEAST_STEP) return undefined;
      trail.push(now);
      tools.drawn(trail.map(([x, y]) => cloud.placeAt(x, y)));
    } else if (held.size === 2) {
      const [other] = [...held].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const far = (place) => Math.max(1, Math.hypot(place[0] - other[0], place[1] - other[1]));
      cloud.zoomAt(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else {
      cloud.pan(now[0] - before[0], now[1] - before[1]);
    }
    held.set(event.pointerId, now);
    return undefined;
  });

  const release = (event) => {
    if (!held.delete(event.pointerId)) return;
    cloud.held = held.size > 0;
    if (trail && trail.length > 2) {
      tools.encircled(thinned(trail).map(([x, y]) => cloud.placeAt(x, y)));
    } else if (event.type === "pointerup" && travelled < LEAST_STEP) {
      tools.picked(...at(event));
    }
    trail = null;
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      cloud.zoomAt(Math.exp(-event.deltaY / 400), ...at(event));
    },
    { passive: false },
  );

  const keys = {
    ArrowLeft: () => cloud.pan(STEP, 0),
    ArrowRight: () => cloud.pan(-STEP, 0),
    ArrowUp: () => cloud.pan(0, STEP),
    ArrowDown: () => cloud.pan(0, -STEP),
    "+": () => cloud.zoomAt(1.5),
    "=": () => cloud.zoomAt(1.5),
    "-": () => cloud.zoomAt(1 / 1.5),
    0: () => cloud.whole(),
  };
  canvas.addEventListener("keydown", (event) => {
    const move = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  });
}

// Every so many of the corners, so that the line fits an address.
function thinned(trail) {
  const step = Math.ceil(trail.length / MOST_CORNERS);
  return trail.filter((_, place) => place % step === 0);
}
