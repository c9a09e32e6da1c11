// A scene on a canvas of the page, sharp at the size at which it is shown, and zoomed.
import { Scene } from "./scene.js";
import { Zoom } from "./zoom.js";

const MOST_HEIGHT = 0.82; // of the window
const MOST_ENLARGED = 3; // a thumbnail stays a small picture

export class Overlay {
  // `onPoint(index)` is called when the pointer comes upon a part (-1: upon none). `zoom` is
  // another overlay's, where two move together.
  constructor(canvas, onPoint, zoom) {
    this.canvas = canvas;
    this.marks = { off: new Set(), highlighted: -1, withOutline: true, withLine: true, withNames: false };
    this.zoom = zoom ?? new Zoom();
    this.zoom.attach(canvas, () => this.draw());
    new ResizeObserver(() => this.#fit()).observe(canvas.parentElement);
    addEventListener("fullscreenchange", () => this.#fit());
    const point = (event) => onPoint(this.#partAt(event.offsetX, event.offsetY));
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointerleave", (event) => {
      // A finger that is lifted "leaves"; what it tapped on stays lit.
      if (event.pointerType === "mouse") onPoint(-1);
    });
  }

  // `answer` null shows the photo alone; `off` holds the indices of parts switched off.
  show(bitmap, answer, off) {
    if (bitmap !== this.scene?.bitmap) this.zoom.reset();
    if (bitmap !== this.scene?.bitmap || answer !== this.scene.answer) {
      this.scene = new Scene(bitmap, answer);
      this.marks.highlighted = -1;
    }
    this.marks.off = off;
    this.#fit();
  }

  mark(change) {
    Object.assign(this.marks, change);
    this.draw();
  }

  highlight(index) {
    if (index !== this.marks.highlighted) this.mark({ highlighted: index });
  }

  #fit() {
    const room = this.canvas.parentElement.clientWidth;
    if (!this.scene || !room) return;
    const { width, height } = this.scene.size;
    const high = document.fullscreenElement ? innerHeight : innerHeight * MOST_HEIGHT;
    const enlarged = document.fullscreenElement ? Infinity : width * MOST_ENLARGED;
    const most = Math.min(room, (high * width) / height, enlarged);
    this.sharpness = Math.min(2, devicePixelRatio || 1);
    this.canvas.style.width = `${Math.round(most)}px`;
    this.canvas.width = Math.round(most * this.sharpness);
    this.canvas.height = Math.max(1, Math.round((most * this.sharpness * height) / width));
    this.scale = most / width; // CSS pixels to a pixel of the photo, unzoomed
    this.draw();
  }

  #partAt(x, y) {
    if (!this.scene?.answer) return -1;
    const [across, down] = this.zoom.toPicture(x, y);
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    return this.scene.partAt(context, across / this.scale, down / this.scale, this.marks.off);
  }

  draw() {
    if (!this.scene) return;
    const context = this.canvas.getContext("2d");
    const { scale, x, y } = this.zoom;
    const whole = this.sharpness * this.scale * scale;
    context.setTransform(whole, 0, 0, whole, x * this.sharpness, y * this.sharpness);
    this.scene.draw(context, 1 / (this.scale * scale), this.marks);
  }
}
