// From a mask to its outline: closed paths in pixels of the picture, smooth at every zoom.
import { spans } from "./rle.js";

// Outlines are traced on a grid of at most this many cells a side: finer is not seen.
const MOST_CELLS = 1000;
const SMOOTHING = 2;

// Path2D of a mask; holes come out as paths of their own, so fill it with "evenodd".
export function outline(mask) {
  const [height, width] = mask.size;
  const scale = Math.min(1, MOST_CELLS / Math.max(height, width));
  const path = new Path2D();
  for (const loop of loops(grid(mask, scale))) {
    smooth(loop).forEach(([x, y], k) => path[k ? "lineTo" : "moveTo"](x / scale, y / scale));
    path.closePath();
  }
  return path;
}

// The path of a box, for parts that come without a mask.
export function rectangle([x0, y0, x1, y1]) {
  const path = new Path2D();
  path.rect(x0, y0, x1 - x0, y1 - y0);
  return path;
}

// Cells with a border of empty ones, so that every outline closes.
function grid(mask, scale) {
  const [height, width] = mask.size.map((v) => Math.max(1, Math.ceil(v * scale)));
  const stride = width + 2;
  const cells = new Uint8Array(stride * (height + 2));
  spans(mask, (x, top, bottom) => {
    const column = Math.floor(x * scale) + 1;
    const end = Math.max(Math.floor(top * scale) + 1, Math.round(bottom * scale));
    for (let y = Math.floor(top * scale); y < end; y++) cells[(y + 1) * stride + column] = 1;
  });
  return { cells, stride };
}

// Walks every border with the mask on its right hand; yields the middles of the cell sides.
function* loops({ cells, stride }) {
  const next = new Map();
  const join = (from, to) => {
    if (next.has(from)) next.get(from).push(to);
    else next.set(from, [to]);
  };
  for (let i = stride; i < cells.length - stride; i++) {
    if (!cells[i]) continue;
    if (!cells[i - stride]) join(i, i + 1);
    if (!cells[i + 1]) join(i + 1, i + 1 + stride);
    if (!cells[i + stride]) join(i + 1 + stride, i + stride);
    if (!cells[i - 1]) join(i + stride, i);
  }
  const place = (corner) => [(corner % stride) - 1, Math.floor(corner / stride) - 1];
  for (const start of next.keys()) {
    const loop = [];
    let from = start;
    while (next.get(from)?.length) {
      const to = next.get(from).pop();
      const [x0, y0] = place(from);
      const [x1, y1] = place(to);
      loop.push([(x0 + x1) / 2, (y0 + y1) / 2]);
      from = to;
    }
    if (loop.length) yield loop;
  }
}

// Means over a few neighbours take the stairs out of the outline; every second point will do.
function smooth(loop) {
  const count = loop.length;
  if (count < 8 * SMOOTHING) return loop;
  const means = [];
  for (let i = 0; i < count; i += 2) {
    let x = 0;
    let y = 0;
    for (let k = -SMOOTHING; k <= SMOOTHING; k++) {
      const point = loop[(i + k + count) % count];
      x += point[0];
      y += point[1];
    }
    means.push([x / (2 * SMOOTHING + 1), y / (2 * SMOOTHING + 1)]);
  }
  return means;
}
