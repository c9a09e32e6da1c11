// The photo with its parts on a canvas, sharp at the size at which it is shown.
import { outline, rectangle } from "./contour.js";
import { colourOf, namesOf } from "./parts.js";

const MOST_HEIGHT = 0.82; // of the window
const MOST_ZOOM = 3; // a thumbnail stays a small picture
const LINE = "#e5005f";

export class Overlay {
  // `onPoint(index)` is called when the pointer comes upon a part (-1: upon none).
  constructor(canvas, onPoint) {
    this.canvas = canvas;
    this.parts = [];
    this.withOutline = this.withLine = true;
    this.highlighted = -1;
    new ResizeObserver(() => this.#fit()).observe(canvas.parentElement);
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
    this.bitmap = bitmap;
    this.off = off;
    this.highlighted = -1;
    if (answer !== this.answer) {
      this.answer = answer;
      const names = namesOf(answer?.parts ?? []);
      this.parts = (answer?.parts ?? []).map((part, k) => ({
        path: part.mask ? outline(part.mask) : rectangle(part.box),
        colour: colourOf(part.label).join(" "),
        words: `${names[k]}  ${part.score.toFixed(2)}`,
        box: part.box,
        area: (part.box[2] - part.box[0]) * (part.box[3] - part.box[1]),
      }));
      this.car = answer && (answer.car.mask ? outline(answer.car.mask) : rectangle(answer.car.box));
    }
    this.size = answer?.image ?? { width: bitmap.width, height: bitmap.height };
    this.#fit();
  }

  highlight(index) {
    if (index === this.highlighted) return;
    this.highlighted = index;
    this.draw();
  }

  #fit() {
    const room = this.canvas.parentElement.clientWidth;
    if (!this.bitmap || !room) return;
    const { width, height } = this.size;
    const most = Math.min(room, (innerHeight * MOST_HEIGHT * width) / height, width * MOST_ZOOM);
    const sharpness = Math.min(2, devicePixelRatio || 1);
    this.canvas.style.width = `${Math.round(most)}px`;
    this.canvas.width = Math.round(most * sharpness);
    this.canvas.height = Math.max(1, Math.round((most * sharpness * height) / width));
    this.pixel = width / most; // one CSS pixel in pixels of the photo
    this.draw();
  }

  #partAt(x, y) {
    if (!this.answer) return -1;
    const context = this.canvas.getContext("2d");
    const ratio = this.canvas.width / this.canvas.clientWidth;
    const hit = this.parts
      .map((part, index) => ({ part, index }))
      .filter(({ part, index }) => !this.off.has(index)
        && context.isPointInPath(part.path, x * ratio, y * ratio, "evenodd"));
    hit.sort((a, b) => a.part.area - b.part.area);
    return hit[0]?.index ?? -1;
  }

  draw() {
    const { width, height } = this.size;
    const context = this.canvas.getContext("2d");
    context.setTransform(this.canvas.width / width, 0, 0, this.canvas.height / height, 0, 0);
    context.lineJoin = context.lineCap = "round";
    context.imageSmoothingQuality = "high";
    context.drawImage(this.bitmap, 0, 0, width, height);
    if (!this.answer) return;
    if (this.withOutline) this.#drawCar(context);
    const largestFirst = this.parts
      .map((part, index) => ({ ...part, index }))
      .sort((a, b) => b.area - a.area);
    const some = this.parts[this.highlighted];
    for (const part of largestFirst) {
      if (this.off.has(part.index) || part.index === this.highlighted) continue;
      this.#drawPart(context, part, some ? 0.14 : 0.36, some ? 0.4 : 1, 1.5);
    }
    if (some) {
      this.#stroke(context, some.path, "rgb(255 255 255)", 4.5);
      this.#drawPart(context, some, 0.55, 1, 2);
    }
    if (this.withLine && this.answer.pose.reference_line) this.#drawLine(context);
    if (some) this.#drawName(context, some);
  }

  #stroke(context, path, style, width) {
    context.strokeStyle = style;
    context.lineWidth = width * this.pixel;
    context.stroke(path);
  }

  #drawPart(context, { path, colour }, fill, line, width) {
    context.fillStyle = `rgb(${colour} / ${fill})`;
    context.fill(path, "evenodd");
    this.#stroke(context, path, `rgb(${colour} / ${line})`, width);
  }

  // The car stands out because what is around it steps back.
  #drawCar(context) {
    const around = new Path2D();
    around.rect(0, 0, this.size.width, this.size.height);
    around.addPath(this.car);
    context.fillStyle = "rgb(0 0 0 / 0.32)";
    context.fill(around, "evenodd");
    this.#stroke(context, this.car, "rgb(0 0 0 / 0.45)", 4);
    this.#stroke(context, this.car, "rgb(255 255 255)", 2);
  }

  #drawLine(context) {
    const [from, to] = this.answer.pose.reference_line;
    const path = new Path2D();
    path.moveTo(...from);
    path.lineTo(...to);
    this.#stroke(context, path, "#fff", 6);
    this.#stroke(context, path, LINE, 3);
    for (const [x, y] of [from, to]) {
      const dot = new Path2D();
      dot.arc(x, y, 5 * this.pixel, 0, 2 * Math.PI);
      context.fillStyle = LINE;
      context.fill(dot);
      this.#stroke(context, dot, "#fff", 1.5);
    }
  }

  #drawName(context, { words, box: [x0, y0, x1] }) {
    const unit = this.pixel;
    context.font = `600 ${13 * unit}px system-ui, sans-serif`;
    const wide = context.measureText(words).width + 14 * unit;
    const high = 24 * unit;
    const x = Math.min(Math.max((x0 + x1 - wide) / 2, 0), Math.max(0, this.size.width - wide));
    const y = y0 > high + 6 * unit ? y0 - high - 6 * unit : y0 + 6 * unit;
    context.fillStyle = "rgb(18 20 23 / 0.92)";
    context.beginPath();
    context.roundRect(x, y, wide, high, 6 * unit);
    context.fill();
    context.fillStyle = "#fff";
    context.textBaseline = "middle";
    context.fillText(words, x + 7 * unit, y + high / 2);
  }
}
