// Names of parts on a picture, none upon another: each is put at the free place that is nearest
// to its part's middle. The same rule as carpose/render.py's.

// Rectangles [x, y] (upper left corners) for `wishes` of { centre: [x, y], wide, high }, within
// a picture of width x height; `step` is the distance between the places that are tried.
export function placed(wishes, { width, height }, step) {
  const taken = [];
  return wishes.map(({ centre, wide, high }) => {
    const inside = ([x, y]) => [
      Math.min(Math.max(x - wide / 2, 0), Math.max(0, width - wide)),
      Math.min(Math.max(y - high / 2, 0), Math.max(0, height - high)),
    ];
    const free = ([x, y]) => taken.every((t) => x >= t.x + t.wide || t.x >= x + wide || y >= t.y + t.high || t.y >= y + high);
    const spot = [...rings(centre, step)].map(inside).find(free) ?? inside(centre);
    taken.push({ x: spot[0], y: spot[1], wide, high });
    return spot;
  });
}

// Places round a middle, nearest first.
function* rings([x, y], step) {
  yield [x, y];
  for (let ring = 1; ring <= 24; ring++) {
    const places = 8 * ring;
    for (let k = 0; k < places; k++) {
      const turn = (2 * Math.PI * k) / places;
      yield [x + ring * step * Math.cos(turn), y + ring * step * Math.sin(turn)];
    }
  }
}
