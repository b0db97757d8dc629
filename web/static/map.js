// The map of prompts: colours, what lies under the pointer, and the sessions inside a drawn line.

import { Cloud } from "./cloud.js";
import { listen } from "./moves.js";

const BYTES = 18;
const OPACITY = 200;
const HIDDEN = 0;
const REST = 120;
const LONGEST = 32;

const page = document.querySelector("#map");
const canvas = page.querySelector("canvas");
const outline = page.querySelector(".lasso polygon");
const ring = page.querySelector(".lasso circle");
const names = page.querySelector(".lasso .names");
const told = page.querySelector(".pointed");
const found = page.querySelector(".found");
const more = page.querySelector("[data-do=more]");
const lasso = page.querySelector("[data-do=lasso]");

// x and y, time, number, area and verdict of each point, each column whole (web/mapped.py).
function read(buffer) {
  const n = buffer.byteLength / BYTES;
  return {
    places: new Float32Array(buffer, 0, 2 * n),
    time: new Float32Array(buffer, 8 * n, n),
    number: new Uint32Array(buffer, 12 * n, n),
    area: new Uint8Array(buffer, 16 * n, n),
    verdict: new Uint8Array(buffer, 17 * n, n),
  };
}

// Red, green and blue of each swatch of a legend, and whether its box is ticked.
function legend(name) {
  return [...page.querySelectorAll(`[data-legend=${name}] .swatch`)].map((swatch) => ({
    colour: getComputedStyle(swatch).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(Number),
    shown: swatch.parentElement.querySelector("input")?.checked ?? true,
  }));
}

function colours(points, by) {
  const swatches = legend(by);
  const painted = new Uint8Array(4 * points.number.length);
  const [low, high] = [Number(page.dataset.first), Number(page.dataset.last)];
  for (let i = 0; i < points.number.length; i += 1) {
    let one;
    if (by === "time") {
      const part = points.time[i] >= 0 ? (points.time[i] - low) / Math.max(high - low, 1) : 0;
      one = between(swatches, Math.min(1, Math.max(0, part)) * (swatches.length - 1));
    } else {
      one = swatches[points[by][i]];
    }
    painted.set(one.colour, 4 * i);
    painted[4 * i + 3] = one.shown ? OPACITY : HIDDEN;
  }
  return painted;
}

function between(swatches, at) {
  const low = Math.min(Math.floor(at), swatches.length - 2);
  const part = at - low;
  const colour = swatches[low].colour.map(
    (value, i) => value * (1 - part) + swatches[low + 1].colour[i] * part,
  );
  return { colour, shown: true };
}

async function json(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

// An element with text in it, never markup: prompts and ids are hostile.
function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// The largest names first; one that would cover another is left out.
function label(cloud, clusters) {
  const taken = [];
  names.replaceChildren();
  for (const { name, x, y } of clusters) {
    const [middle, atY] = cloud.pixelOf([x, y]);
    const half = 3.2 * Math.min(name.length, LONGEST);
    const atX = Math.min(Math.max(middle, half), canvas.clientWidth - half);
    const box = [atX - half, atY - 9, atX + half, atY + 9];
    const inside = Math.abs(middle - atX) < half && atY > 9 && atY < canvas.clientHeight - 9;
    const free = taken.every((b) => box[2] < b[0] || box[0] > b[2] || box[3] < b[1] || box[1] > b[3]);
    if (!inside || !free) continue;
    taken.push(box);
    const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
    text.textContent = name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
    text.setAttribute("x", atX);
    text.setAttribute("y", atY + 4);
    names.append(text);
  }
}

function start(points, clusters) {
  let under = -1;
  let places = [];
  let timer = 0;
  let next = 1;
  let shown = 0;
  const prompts = new Map();

  const cloud = new Cloud(canvas, points.places, () => {
    const corners = places.map((place) => cloud.pixelOf(place).map(Math.round).join(","));
    outline.setAttribute("points", corners.join(" "));
    const [x, y] = under < 0 ? [-99, -99] : cloud.pixelOf(cloud.place(under));
    ring.setAttribute("cx", x);
    ring.setAttribute("cy", y);
    ring.setAttribute("r", cloud.radius + 3);
    label(cloud, clusters);
  });
  const visible = (i) => i >= 0 && cloud.colours[4 * i + 3] !== HIDDEN;

  const paint = () => {
    const by = page.querySelector("input[name=colour]:checked").value;
    for (const list of page.querySelectorAll("[data-legend]")) {
      list.hidden = list.dataset.legend !== by;
    }
    cloud.paint(colours(points, by));
  };
  for (const box of page.querySelectorAll("input")) box.addEventListener("change", paint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();

  const show = async (i) => {
    const number = points.number[i];
    try {
      if (!prompts.has(number)) prompts.set(number, await json(page.dataset.prompts + number));
    } catch (error) {
      prompts.set(number, { prompt: error.message, about: "" });
    }
    if (under !== i) return;
    const { prompt, about } = prompts.get(number);
    told.replaceChildren(element("b", about), element("span", prompt));
  };

  const list = async () => {
    const lying = places.flat().map((value) => value.toFixed(3)).join(",");
    const query = new URLSearchParams({ lasso: lying, page: next });
    try {
      const { total, prompts: inside, sessions } = await json(`${page.dataset.sessions}?${query}`);
      if (next === 1) {
        shown = 0;
        const line = `${inside.toLocaleString("en")} prompts of ${total.toLocaleString("en")} sessions`;
        const head = document.createElement("tr");
        for (const title of ["Session", "Account", "Prompts inside", "Verdict", "Score"]) {
          head.append(element("th", title, /Prompts|Score/.test(title) ? "n" : ""));
        }
        found.replaceChildren(element("caption", line), head);
      }
      for (const one of sessions) {
        const row = document.createElement("tr");
        const link = element("a", one.session_id);
        link.href = `/sessions/${one.key}`;
        const name = document.createElement("td");
        name.append(link);
        const verdict = document.createElement("td");
        verdict.append(element("span", one.label.replaceAll("_", " "), `verdict ${one.label}`));
        row.append(name, element("td", one.account_id ?? "–"), element("td", one.inside, "n"));
        row.append(verdict, element("td", one.score === null ? "–" : one.score.toFixed(3), "n"));
        found.append(row);
      }
      next += 1;
      shown += sessions.length;
      more.hidden = shown >= total;
    } catch (error) {
      found.replaceChildren(element("caption", error.message));
    }
  };

  const encircle = (corners) => {
    places = corners;
    next = 1;
    cloud.draw();
    return list();
  };

  const does = {
    in: () => cloud.zoomAt(1.5),
    out: () => cloud.zoomAt(1 / 1.5),
    whole: () => cloud.whole(),
    lasso: () => lasso.setAttribute("aria-pressed", lasso.getAttribute("aria-pressed") !== "true"),
    view: () => {
      const { clientWidth: right, clientHeight: low } = canvas;
      const corners = [[0, 0], [right, 0], [right, low], [0, low]];
      return encircle(corners.map(([x, y]) => cloud.placeAt(x, y)));
    },
    more: list,
  };
  for (const button of page.querySelectorAll("[data-do]")) {
    button.disabled = false;
    button.addEventListener("click", does[button.dataset.do]);
  }

  listen(cloud, {
    lassoing: () => lasso.getAttribute("aria-pressed") === "true",
    pointed: (x, y) => {
      const now = cloud.nearest(x, y, visible);
      if (now === under) return;
      under = now;
      cloud.draw();
      clearTimeout(timer);
      if (under < 0) told.replaceChildren();
      else timer = setTimeout(show, prompts.has(points.number[under]) ? 0 : REST, under);
    },
    picked: (x, y) => {
      const now = cloud.nearest(x, y, visible);
      if (now < 0) return;
      under = now;
      cloud.draw();
      show(now);
    },
    drawn: (corners) => {
      places = corners;
      cloud.draw();
    },
    encircled: encircle,
  });
  page.dataset.points = points.number.length;
}

try {
  const [answer, clusters] = await Promise.all([
    fetch(page.dataset.source),
    json(page.dataset.clusters),
  ]);
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  start(read(await answer.arrayBuffer()), clusters);
} catch (error) {
  told.textContent = error.message;
}
