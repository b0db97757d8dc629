// Points in two dimensions on a WebGL2 canvas: drawing, moving and finding, nothing of the page.

const VERTEX = `#version 300 es
in vec2 place;
in vec4 colour;
uniform vec2 centre;
uniform vec2 scale;
uniform float size;
out vec4 shade;
void main() {
  gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
  gl_PointSize = size;
  shade = colour;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 shade;
out vec4 colour;
void main() {
  float far = length(gl_PointCoord - 0.5);
  if (far > 0.5) discard;
  colour = vec4(shade.rgb, shade.a * smoothstep(0.5, 0.35, far));
}`;
const MOST_ZOOM = 400;
const SLOW = 34;
const FAST = 20;
const FEWEST = 10_000;
const REST = 300;

export class Cloud {
  // `points` holds x and y of each point in turn, in an order of which any start is a fair sample:
  // while it moves, so many are drawn as the machine can. `moved` is called after each drawing.
  constructor(canvas, points, moved = () => {}) {
    this.canvas = canvas;
    this.points = points;
    this.moved = moved;
    this.count = points.length / 2;
    this.colours = new Uint8Array(4 * this.count).fill(128);
    this.waiting = false;
    this.budget = this.count;
    this.rest = 0;
    this.last = 0;
    this.held = false;
    this.box = bounds(points);
    this.whole();
    this.begin();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.begin());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  begin() {
    const gl = this.canvas.getContext("webgl2", { antialias: false, alpha: true });
    if (!gl) throw new Error("This browser has no WebGL2.");
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(program) || "The graphics card took no program.");
    }
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const bind = (name, data, width, kind, whole) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
      const at = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, width, kind, whole, 0, 0);
      return buffer;
    };
    bind("place", this.points, 2, gl.FLOAT, false);
    this.colourBuffer = bind("colour", this.colours, 4, gl.UNSIGNED_BYTE, true);
    this.at = Object.fromEntries(
      ["centre", "scale", "size"].map((name) => [name, gl.getUniformLocation(program, name)]),
    );
    this.gl = gl;
    this.draw();
  }

  // `colours` holds red, green, blue and opacity of each point, 0 to 255.
  paint(colours) {
    this.colours = colours;
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.colourBuffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, colours, this.gl.STATIC_DRAW);
    this.draw();
  }

  // Units of the map that one CSS pixel spans.
  get pixel() {
    const { clientWidth, clientHeight } = this.canvas;
    const fit = Math.min(clientWidth / this.box.width, clientHeight / this.box.height);
    return 1 / (0.94 * Math.max(fit, 1e-9) * this.zoom);
  }

  draw() {
    if (this.waiting || !this.gl) return;
    this.waiting = true;
    const asked = performance.now();
    requestAnimationFrame(() => {
      this.waiting = false;
      const now = performance.now();
      // While a pointer holds the map, moves follow each other as fast as frames do.
      this.adapt(now - (this.held ? this.last : asked));
      this.last = now;
      this.render(this.budget);
      this.moved();
      this.settle();
    });
  }

  // All points are drawn once nothing has moved for a while and no pointer holds the map.
  settle() {
    clearTimeout(this.rest);
    if (this.budget >= this.count) return;
    this.rest = setTimeout(() => (this.held ? this.settle() : this.render(this.count)), REST);
  }

  // Draw fewer points where the frame before took long, more where it did not.
  adapt(waited) {
    const fewest = Math.min(FEWEST, this.count);
    if (waited > SLOW) this.budget = Math.max(fewest, this.budget * Math.max(0.5, SLOW / waited));
    else if (waited < FAST) this.budget = Math.min(this.count, this.budget * 1.1);
  }

  render(count) {
    const { gl, canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.at.centre, this.centre[0], this.centre[1]);
    gl.uniform2f(this.at.scale, 2 / (width * this.pixel), 2 / (height * this.pixel));
    gl.uniform1f(this.at.size, this.radius * 2 * ratio);
    gl.drawArrays(gl.POINTS, 0, Math.floor(count));
  }

  // Radius of a point in CSS pixels: small where there are many, larger when seen from near.
  get radius() {
    const base = Math.min(4, Math.max(1.6, 240 / Math.sqrt(this.count)));
    return Math.min(8, base * this.zoom ** 0.3);
  }

  whole() {
    this.zoom = 1;
    this.centre = [...this.box.middle];
    this.draw();
  }

  // Move by CSS pixels, to the right and down.
  pan(right, down) {
    this.centre[0] -= right * this.pixel;
    this.centre[1] += down * this.pixel;
    this.draw();
  }

  // Zoom by a factor; the place under a point of the canvas stays where it is.
  zoomAt(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const before = this.placeAt(x, y);
    this.zoom = Math.min(MOST_ZOOM, Math.max(0.5, this.zoom * factor));
    const after = this.placeAt(x, y);
    this.centre[0] += before[0] - after[0];
    this.centre[1] += before[1] - after[1];
    this.draw();
  }

  placeAt(x, y) {
    return [
      this.centre[0] + (x - this.canvas.clientWidth / 2) * this.pixel,
      this.centre[1] - (y - this.canvas.clientHeight / 2) * this.pixel,
    ];
  }

  pixelOf([x, y]) {
    return [
      this.canvas.clientWidth / 2 + (x - this.centre[0]) / this.pixel,
      this.canvas.clientHeight / 2 - (y - this.centre[1]) / this.pixel,
    ];
  }

  place(number) {
    return [this.points[2 * number], this.points[2 * number + 1]];
  }

  // The number of the nearest point that is `visible`, -1 where none is within `reach` pixels.
  nearest(x, y, visible, reach = 8) {
    const [atX, atY] = this.placeAt(x, y);
    let best = -1;
    let least = (reach * this.pixel) ** 2;
    for (let i = 0; i < this.count; i += 1) {
      const right = this.points[2 * i] - atX;
      const up = this.points[2 * i + 1] - atY;
      const far = right * right + up * up;
      if (far < least && visible(i)) [best, least] = [i, far];
    }
    return best;
  }
}

function bounds(points) {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 1) {
    low[i % 2] = Math.min(low[i % 2], points[i]);
    high[i % 2] = Math.max(high[i % 2], points[i]);
  }
  const span = (axis) => Math.max(high[axis] - low[axis], 1e-6);
  return {
    middle: [0, 1].map((axis) => (low[axis] + high[axis]) / 2),
    width: span(0),
    height: span(1),
  };
}
