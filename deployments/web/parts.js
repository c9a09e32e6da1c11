// What a part is called and which colour it has: Okabe and Ito's colours, told apart by
// colour-blind people too, and the same as in the server's pictures (carpose/render.py).

const COLOURS = {
  hood: [230, 159, 0],
  trunk: [230, 159, 0],
  tailgate: [230, 159, 0],
  front_bumper: [86, 180, 233],
  back_bumper: [86, 180, 233],
  front_glass: [0, 158, 115],
  back_glass: [0, 158, 115],
  wheel: [240, 228, 66],
};
const LEFT = [0, 114, 178];
const RIGHT = [213, 94, 0];
const OTHER = [204, 121, 167];

// Red, green and blue of a part: the car's left parts are blue, its right parts vermilion.
export function colourOf(label) {
  if (label.includes("left")) return LEFT;
  if (label.includes("right")) return RIGHT;
  return COLOURS[label] ?? OTHER;
}

// Names of an answer's parts, in its order; parts of the same name are numbered.
export function namesOf(parts) {
  const total = {};
  for (const { label } of parts) total[label] = (total[label] ?? 0) + 1;
  const seen = {};
  return parts.map(({ label }) => {
    const name = label.replaceAll("_", " ");
    seen[label] = (seen[label] ?? 0) + 1;
    return total[label] > 1 ? `${name} ${seen[label]}` : name;
  });
}
