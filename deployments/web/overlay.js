// The photo with its parts, drawn on a canvas.
import { spans } from "./rle.js";

const MOST_PX = 1600;
const COLOURS = {
  hood: [230, 159, 0], trunk: [230, 159, 0], tailgate: [230, 159, 0],
  front_bumper: [86, 180, 233], back_bumper: [86, 180, 233],
  front_glass: [0, 158, 115], back_glass: [0, 158, 115], wheel: [240, 228, 66],
};

// As in carpose/render.py: the car's left parts are blue, its right parts vermilion.
export function colourOf(label) {
  if (label.includes("left")) return [0, 114, 178];
  if (label.includes("right")) return [213, 94, 0];
  return COLOURS[label] ?? [204, 121, 167];
}

// A canvas of the drawing's size with a mask's pixels, its border opaque.
function layer(mask, scale, width, height, [r, g, b], fill) {
  const inside = new Uint8Array(width * height);
  spans(mask, (x, top, bottom) => {
    const column = Math.min(width - 1, Math.floor(x * scale));
    const end = Math.min(height, Math.max(Math.floor(top * scale) + 1, Math.round(bottom * scale)));
    for (let y = Math.floor(top * scale); y < end; y++) inside[y * width + column] = 1;
  });
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < inside.length; i++) {
    if (!inside[i]) continue;
    const x = i % width;
    const edge = x === 0 || x === width - 1 || !inside[i - 1] || !inside[i + 1]
      || !inside[i - width] || !inside[i + width] || !inside[i - 2] || !inside[i + 2];
    image.data.set([r, g, b, edge ? 255 : fill], i * 4);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

export class Overlay {
  constructor(canvas) {
    this.canvas = canvas;
  }

  show(bitmap, answer) {
    const { width, height } = answer.image;
    this.scale = Math.min(1, MOST_PX / Math.max(width, height));
    this.canvas.width = Math.round(width * this.scale);
    this.canvas.height = Math.round(height * this.scale);
    this.bitmap = bitmap;
    this.line = answer.pose.reference_line;
    const make = (mask, colour, fill) =>
      mask && layer(mask, this.scale, this.canvas.width, this.canvas.height, colour, fill);
    this.parts = answer.parts.map((p) => ({ layer: make(p.mask, colourOf(p.label), 95), on: true, ...p }));
    this.car = make(answer.car.mask, [255, 255, 255], 0);
    this.outline = this.withLine = true;
    this.highlight = -1;
    this.draw();
  }

  draw() {
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    context.drawImage(this.bitmap, 0, 0, width, height);
    this.parts.forEach((part, index) => {
      if (!part.layer || !(part.on || index === this.highlight)) return;
      context.drawImage(part.layer, 0, 0);
      if (index === this.highlight) context.drawImage(part.layer, 0, 0);
    });
    if (this.outline && this.car) context.drawImage(this.car, 0, 0);
    if (this.withLine && this.line) {
      const [[x0, y0], [x1, y1]] = this.line.map((p) => p.map((v) => v * this.scale));
      const thin = Math.max(2, width / 350);
      for (const [stroke, wide] of [["#fff", 2 * thin], ["#dc005a", thin]]) {
        context.strokeStyle = stroke;
        context.lineWidth = wide;
        context.beginPath();
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
        context.stroke();
      }
    }
    const [x0, y0, x1, y1] = this.parts[this.highlight]?.box.map((v) => v * this.scale) ?? [];
    if (x1) {
      context.strokeStyle = "#fff";
      context.lineWidth = 2;
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
  }
}
