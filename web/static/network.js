// Points out a link's or an account's reasons beside the graph; without this, titles tell them.

for (const graph of document.querySelectorAll("svg.network")) {
  const told = document.createElement("p");
  told.className = "told";
  told.setAttribute("role", "status");
  graph.after(told);
  const point = (event) => {
    const mark = event.target.closest("line, circle, a");
    const title = mark?.querySelector("title");
    if (!title) return;
    told.textContent = title.textContent;
    for (const one of graph.querySelectorAll(".near")) one.classList.remove("near");
    if (mark.matches("line")) mark.classList.add("near");
    const node = mark.matches("a") ? mark.querySelector("circle") : mark;
    const [x, y] = [node.getAttribute("cx"), node.getAttribute("cy")];
    for (const line of graph.querySelectorAll("line")) {
      const ends = ["1", "2"].map((end) => [line.getAttribute(`x${end}`), line.getAttribute(`y${end}`)]);
      if (ends.some(([endX, endY]) => endX === x && endY === y)) line.classList.add("near");
    }
  };
  graph.addEventListener("pointerover", point);
  graph.addEventListener("focusin", point);
}
