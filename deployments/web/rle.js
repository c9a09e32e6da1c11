// COCO run-length encoding, as pycocotools compresses it: column-major runs, each number in
// groups of five bits with a sign, from the fourth on as the difference to the one before last.

export function runs(counts) {
  const lengths = [];
  for (let at = 0; at < counts.length; ) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const bits = counts.charCodeAt(at++) - 48;
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      shift += 5;
      if (!more && bits & 16) value |= -1 << shift;
    }
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
  }
  return lengths;
}

// Calls span(x, top, bottom) for every vertical piece of the mask, in pixels of the picture.
export function spans({ size: [height], counts }, span) {
  let at = 0;
  runs(counts).forEach((length, index) => {
    const end = at + length;
    while (index % 2 && at < end) {
      const x = Math.floor(at / height);
      const stop = Math.min(end, (x + 1) * height);
      span(x, at - x * height, stop - x * height);
      at = stop;
    }
    at = end;
  });
}
