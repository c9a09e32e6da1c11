// How far a picture is enlarged and moved: by wheel, pinch, drag, double click and keys.

const MOST = 12;
const WHEEL = 0.0022; // enlargement of one unit of a wheel's travel
const KEYS = { "+": 1.4, "=": 1.4, "-": 1 / 1.4 };
const STEP = 60; // CSS pixels of an arrow key

export class Zoom {
  constructor() {
    this.draws = [];
    this.pointers = new Map();
    Object.assign(this, { scale: 1, x: 0, y: 0 });
  }

  // Listens on a canvas, and calls `draw` on every change, of this canvas or another's.
  attach(canvas, draw) {
    this.draws.push({ canvas, draw });
    canvas.addEventListener("wheel", (event) => this.#wheel(canvas, event), { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      if (this.scale > 1) this.reset();
      else this.by(2.5, canvas, event.offsetX, event.offsetY);
    });
    canvas.addEventListener("keydown", (event) => this.#key(canvas, event));
    canvas.addEventListener("pointerdown", (event) => {
      this.pointers.set(event.pointerId, event);
      if (this.scale > 1) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => this.#move(canvas, event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
  }

  reset() {
    this.#set(1, 0, 0, this.draws[0]?.canvas);
  }

  // Enlarges by a factor, with a point of the canvas held where it is; its middle by default.
  by(factor, canvas = this.draws[0].canvas, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const change = scale / this.scale;
    this.#set(scale, x - (x - this.x) * change, y - (y - this.y) * change, canvas);
  }

  // A point of the canvas on the picture as it would lie unzoomed.
  toPicture(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  #set(scale, x, y, canvas) {
    const within = (value, room) => Math.min(0, Math.max(room * (1 - scale), value));
    if (canvas) [x, y] = [within(x, canvas.clientWidth), within(y, canvas.clientHeight)];
    Object.assign(this, { scale, x, y });
    for (const { canvas: each, draw } of this.draws) {
      each.classList.toggle("zoomed", scale > 1);
      draw();
    }
  }

  #wheel(canvas, event) {
    const outwards = event.deltaY > 0;
    if (outwards && this.scale === 1) return; // the page scrolls on
    event.preventDefault();
    const travel = event.deltaMode ? event.deltaY * 30 : event.deltaY;
    this.by(Math.exp(-travel * WHEEL * (event.ctrlKey ? 4 : 1)), canvas, event.offsetX, event.offsetY);
  }

  #move(canvas, event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const others = [...this.pointers.values()].filter((other) => other.pointerId !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (others.length) {
      const [other] = others;
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const { left, top } = canvas.getBoundingClientRect();
      const middle = [(event.clientX + other.clientX) / 2 - left, (event.clientY + other.clientY) / 2 - top];
      if (apart(before) > 0) this.by(apart(event) / apart(before), canvas, ...middle);
    } else if (this.scale > 1) {
      const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
      this.#set(this.scale, this.x + x, this.y + y, canvas);
    }
  }

  #key(canvas, event) {
    const arrows = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const [x, y] = arrows[event.key] ?? [];
    if (event.key in KEYS && !event.ctrlKey) this.by(KEYS[event.key], canvas);
    else if (event.key === "0" || (event.key === "Escape" && this.scale > 1)) this.reset();
    else if (x !== undefined && this.scale > 1) this.#set(this.scale, this.x + x, this.y + y, canvas);
    else return;
    event.preventDefault();
  }
}
