// The pictures of a photo to take away: annotated, crop and cut-out, made in the page from the
// file and the masks that are held; where the browser cannot read the file, by the server.
import { ask } from "./api.js";
import { outline, rectangle } from "./contour.js";
import { turned, uprightBitmap } from "./pictures.js";
import { Scene } from "./scene.js";

const MARGIN = 0.04; // round the car in a crop, as a share of its box, as carpose/render.py has it
const DRAWN_FOR = 1100; // the width at which lines and names have the size that they have on a screen

export const KEEPSAKES = {
  annotated: { ending: "-annotated.jpg", type: "image/jpeg", make: annotated },
  crop: { ending: "-crop.jpg", type: "image/jpeg", make: crop },
  cutout: { ending: "-cutout.png", type: "image/png", make: cutout },
};

// The picture as a file. Throws Problem where the server is asked and refuses.
export async function keepsake(kind, photo, marks) {
  const { make, type } = KEEPSAKES[kind];
  const bitmap = await uprightBitmap(photo);
  if (!bitmap) return fromServer(kind, photo);
  const canvas = make(turned(bitmap, photo.answer.image.turned), photo.answer, marks);
  bitmap.close();
  return new Promise((done) => canvas.toBlob(done, type, 0.92));
}

async function fromServer(kind, { file, answer }) {
  const question = { engine: answer.engine, include: [kind] };
  const held = answer.images?.[kind];
  const made = held ? null : await ask(file, question, new AbortController().signal, () => {});
  return fileOf(held ?? made.images[kind]);
}

// A data URL as a file; the page's policy lets nothing fetch it.
function fileOf(address) {
  const [, type, content] = /^data:([^;]+);base64,(.*)$/.exec(address);
  return new Blob([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], { type });
}

function sized(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) });
  return [canvas, canvas.getContext("2d")];
}

function annotated(bitmap, answer, marks) {
  const [canvas, context] = sized(bitmap.width, bitmap.height);
  context.scale(bitmap.width / answer.image.width, bitmap.height / answer.image.height);
  const pixel = Math.max(answer.image.width, answer.image.height) / DRAWN_FOR;
  new Scene(bitmap, answer).draw(context, pixel, { ...marks, highlighted: -1 });
  return canvas;
}

// Left, top, right and bottom of the car with its margin, in pixels of the photo.
function windowOf({ car: { box: [x0, y0, x1, y1] }, image: { width, height } }) {
  const [across, down] = [MARGIN * (x1 - x0), MARGIN * (y1 - y0)];
  return [
    Math.max(0, Math.floor(x0 - across)), Math.max(0, Math.floor(y0 - down)),
    Math.min(width, Math.ceil(x1 + across)), Math.min(height, Math.ceil(y1 + down)),
  ];
}

function crop(bitmap, answer) {
  const [left, top, right, bottom] = windowOf(answer);
  const [canvas, context] = sized(right - left, bottom - top);
  const scale = bitmap.width / answer.image.width;
  context.drawImage(bitmap, left * scale, top * scale, (right - left) * scale, (bottom - top) * scale, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function cutout(bitmap, answer) {
  const [left, top] = windowOf(answer);
  const whole = crop(bitmap, answer);
  const [canvas, context] = sized(whole.width, whole.height);
  context.translate(-left, -top);
  context.clip(answer.car.mask ? outline(answer.car.mask) : rectangle(answer.car.box), "evenodd");
  context.drawImage(whole, left, top);
  return canvas;
}
