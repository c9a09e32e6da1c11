// The photo with what was found on it, drawn in pixels of the upright photo at any scale.
import { outline, rectangle } from "./contour.js";
import { placed } from "./labels.js";
import { colourOf, namesOf } from "./parts.js";

const LINE = "#e5005f";
const FONT = "600 13px system-ui, sans-serif";
const PLATE = "rgb(18 20 23 / 0.92)";

export class Scene {
  // `answer` null is the photo alone.
  constructor(bitmap, answer) {
    this.bitmap = bitmap;
    this.answer = answer;
    this.size = answer?.image ?? { width: bitmap.width, height: bitmap.height };
    const names = namesOf(answer?.parts ?? []);
    this.parts = (answer?.parts ?? []).map((part, k) => ({
      path: part.mask ? outline(part.mask) : rectangle(part.box),
      colour: colourOf(part.label).join(" "),
      name: names[k],
      score: part.score,
      box: part.box,
      area: (part.box[2] - part.box[0]) * (part.box[3] - part.box[1]),
    }));
    this.car = answer && (answer.car.mask ? outline(answer.car.mask) : rectangle(answer.car.box));
    this.others = (answer?.cars ?? []).slice(1).map(({ car }) => rectangle(car.box));
  }

  // The smallest part at a point of the photo that is not switched off, or -1.
  partAt(context, x, y, off) {
    const hit = this.parts
      .map((part, index) => ({ part, index }))
      .filter(({ part, index }) => !off.has(index) && context.isPointInPath(part.path, x, y, "evenodd"));
    hit.sort((a, b) => a.part.area - b.part.area);
    return hit[0]?.index ?? -1;
  }

  // Draws on a context whose units are the photo's pixels; `pixel` is a screen's pixel in them.
  // `marks` is { off, highlighted, withOutline, withLine, withNames }.
  draw(context, pixel, marks) {
    const { width, height } = this.size;
    Object.assign(this, { context, pixel });
    context.lineJoin = context.lineCap = "round";
    context.imageSmoothingQuality = "high";
    context.drawImage(this.bitmap, 0, 0, width, height);
    if (!this.answer) return;
    if (marks.withOutline) this.#drawCar();
    const some = this.parts[marks.highlighted];
    const shown = this.parts
      .filter((part, k) => !marks.off.has(k) && part !== some)
      .sort((a, b) => b.area - a.area);
    for (const part of shown) this.#drawPart(part, some ? 0.14 : 0.36, some ? 0.4 : 1, 1.5);
    if (some) {
      this.#stroke(some.path, "rgb(255 255 255)", 4.5);
      this.#drawPart(some, 0.55, 1, 2);
    }
    if (marks.withLine && this.answer.pose.reference_line) this.#drawLine();
    if (some) this.#drawNames([some], (part) => `${part.name}  ${part.score.toFixed(2)}`);
    else if (marks.withNames) this.#drawNames(shown.toReversed(), (part) => part.name);
  }

  #stroke(path, style, width) {
    this.context.strokeStyle = style;
    this.context.lineWidth = width * this.pixel;
    this.context.stroke(path);
  }

  #drawPart({ path, colour }, fill, line, width) {
    this.context.fillStyle = `rgb(${colour} / ${fill})`;
    this.context.fill(path, "evenodd");
    this.#stroke(path, `rgb(${colour} / ${line})`, width);
  }

  // The car stands out because what is around it steps back; other cars are boxes.
  #drawCar() {
    const around = new Path2D();
    around.rect(0, 0, this.size.width, this.size.height);
    around.addPath(this.car);
    this.context.fillStyle = "rgb(0 0 0 / 0.32)";
    this.context.fill(around, "evenodd");
    this.context.setLineDash([6 * this.pixel, 6 * this.pixel]);
    for (const other of this.others) this.#stroke(other, "rgb(255 255 255)", 1.5);
    this.context.setLineDash([]);
    this.#stroke(this.car, "rgb(0 0 0 / 0.45)", 4);
    this.#stroke(this.car, "rgb(255 255 255)", 2);
  }

  #drawLine() {
    const [from, to] = this.answer.pose.reference_line;
    const path = new Path2D();
    path.moveTo(...from);
    path.lineTo(...to);
    this.#stroke(path, "#fff", 6);
    this.#stroke(path, LINE, 3);
    for (const [x, y] of [from, to]) {
      const dot = new Path2D();
      dot.arc(x, y, 5 * this.pixel, 0, 2 * Math.PI);
      this.context.fillStyle = LINE;
      this.context.fill(dot);
      this.#stroke(dot, "#fff", 1.5);
    }
  }

  #drawNames(parts, wordsOf) {
    const { context, pixel } = this;
    context.font = FONT.replace("13px", `${13 * pixel}px`);
    context.textBaseline = "middle";
    const high = 22 * pixel;
    const wishes = parts.map((part) => ({
      centre: [(part.box[0] + part.box[2]) / 2, (part.box[1] + part.box[3]) / 2],
      words: wordsOf(part),
      wide: context.measureText(wordsOf(part)).width + 12 * pixel,
      high,
    }));
    placed(wishes, this.size, 6 * pixel).forEach(([x, y], k) => {
      const { wide, words, centre } = wishes[k];
      const away = Math.hypot(x + wide / 2 - centre[0], y + high / 2 - centre[1]);
      if (away > high) this.#lead(centre, [x + wide / 2, y + high / 2]);
      context.fillStyle = PLATE;
      context.beginPath();
      context.roundRect(x, y, wide, high, 5 * pixel);
      context.fill();
      context.fillStyle = "#fff";
      context.fillText(words, x + 6 * pixel, y + high / 2);
    });
  }

  // From a part to its name, where that had to make room.
  #lead(from, to) {
    const path = new Path2D();
    path.moveTo(...from);
    path.lineTo(...to);
    this.#stroke(path, PLATE, 2);
  }
}
