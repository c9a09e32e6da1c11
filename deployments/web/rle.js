// COCO run-length encoding, as pycocotools compresses it: column-major runs, each number in
// groups of five bits with a sign, from the third on as the difference to the one before last.

export function runs(counts) {
  const out = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0, shift = 0, more = true;
    while (more) {
      const bits = counts.charCodeAt(at++) - 48;
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      shift += 5;
      if (!more && bits & 16) value |= -1 << shift;
    }
    out.push(out.length > 2 ? value + out[out.length - 2] : value);
  }
  return out;
}

// Calls span(x, top, bottom) for every vertical piece of the mask, in pixels of the picture.
export function spans({ size: [height], counts }, span) {
  let at = 0;
  runs(counts).forEach((length, index) => {
    if (index % 2) {
      for (let from = at; from < at + length;) {
        const x = Math.floor(from / height);
        const to = Math.min(at + length, (x + 1) * height);
        span(x, from - x * height, to - x * height);
        from = to;
      }
    }
    at += length;
  });
}
