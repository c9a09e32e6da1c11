// A car from above, its front up, with the eight places from which it can be seen.
import { svg } from "./dom.js";

// Clockwise from the front, as drawn; left and right are the car's own sides.
export const VIEWPOINTS = [
  "front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left",
];
const INNER = 62;
const OUTER = 112;
const HALF = 21.4; // of a sector, in degrees, leaving a gap

function point(radius, degrees) {
  const turn = ((degrees - 90) * Math.PI) / 180;
  return `${(radius * Math.cos(turn)).toFixed(2)} ${(radius * Math.sin(turn)).toFixed(2)}`;
}

function ring(degrees, inner, outer) {
  const [from, to] = [degrees - HALF, degrees + HALF];
  return `M${point(inner, from)} L${point(outer, from)} A${outer} ${outer} 0 0 1 ${point(outer, to)}`
    + ` L${point(inner, to)} A${inner} ${inner} 0 0 0 ${point(inner, from)}Z`;
}

function wedge(degrees) {
  return `M0 0 L${point(INNER, degrees - HALF)}`
    + ` A${INNER} ${INNER} 0 0 1 ${point(INNER, degrees + HALF)}Z`;
}

function car() {
  const mirrored = { transform: "scale(-1 1)" };
  const side = () => svg("path", { class: "glass", d: "M-21.500-17 L-17.500-5 V27 L-21 36Z" });
  const light = () => svg("path", { class: "light", d: "M-20.500-47 Q-18-52-11-53 L-12-49.500 Q-17-48-20-43Z" });
  const mirror = () => svg("path", { class: "body", d: "M-23-20 L-31-17 Q-32-13-28-13 L-23-15Z" });
  return svg("g", { class: "car", "aria-hidden": "true" },
    mirror(), svg("g", mirrored, mirror()),
    svg("path", {
      class: "body",
      d: "M-16-54 Q0-58 16-54 Q25-50 25-38 V40 Q25 52 16 54 Q0 57-16 54 Q-25 52-25 40 V-38 Q-25-50-16-54Z",
    }),
    svg("path", { class: "glass", d: "M-19-22 Q0-32 19-22 L15.500-8 Q0-12.500-15.500-8Z" }),
    svg("path", { class: "glass", d: "M-15.500 31 Q0 34.500 15.500 31 L18.500 42 Q0 48-18.500 42Z" }),
    side(), svg("g", mirrored, side()), light(), svg("g", mirrored, light()));
}

function caption(viewpoint, degrees) {
  const [x, y] = point((INNER + OUTER) / 2, degrees).split(" ");
  const words = viewpoint.split("-");
  const lines = words.map((word, k) =>
    svg("tspan", { x, dy: k ? 12.5 : (1 - words.length) * 6.25 }, word));
  return svg("text", { x, y, "aria-hidden": "true" }, ...lines);
}

// Fills `holder`; with `onToggle` the sectors are buttons, else the drawing is one picture.
// Returns show({ seen, expected, filled, away, labels, words }): the sector seen from, those
// expected, those filled, those of no interest, the azimuth in degrees; `labels(viewpoint)` names a button that is no
// switch.
export function compass(holder, onToggle) {
  const drawing = svg("svg", {
    viewBox: "-120 -120 240 240",
    class: onToggle ? "compass switches" : "compass",
    role: onToggle ? "group" : "img",
  });
  const sectors = VIEWPOINTS.map((viewpoint, k) => {
    const marks = onToggle ? [] : [
      svg("path", { class: "wedge", d: wedge(k * 45) }),
      svg("path", { class: "arc", d: ring(k * 45, OUTER + 2.5, OUTER + 6.5) }),
    ];
    const face = svg("path", { class: "face", d: ring(k * 45, INNER, OUTER) });
    return svg("g", { class: "sector" }, ...marks, face, caption(viewpoint, k * 45));
  });
  const needle = svg("path", { class: "needle", d: `M0 ${8 - OUTER}V${-OUTER - 8}` });
  drawing.append(...sectors, car(), needle);
  holder.append(drawing);
  if (onToggle) sectors.forEach((sector, k) => asButton(sectors, k, () => onToggle(VIEWPOINTS[k])));

  return ({ seen = null, expected = [], filled = [], away = [], labels = null, azimuth = null, words }) => {
    // Azimuths go the other way round: 90 is the car's left.
    needle.toggleAttribute("hidden", azimuth === null);
    needle.setAttribute("transform", `rotate(${-(azimuth ?? 0)})`);
    drawing.setAttribute("aria-label", words);
    sectors.forEach((sector, k) => {
      const awaited = expected.includes(VIEWPOINTS[k]);
      sector.classList.toggle("on", onToggle ? awaited : VIEWPOINTS[k] === seen);
      sector.classList.toggle("expected", !onToggle && awaited);
      sector.classList.toggle("filled", filled.includes(VIEWPOINTS[k]));
      sector.classList.toggle("away", away.includes(VIEWPOINTS[k]));
      if (labels) sector.setAttribute("aria-label", labels(VIEWPOINTS[k]));
      else if (onToggle) sector.setAttribute("aria-pressed", String(awaited));
    });
  };
}

function asButton(sectors, k, toggle) {
  const sector = sectors[k];
  sector.setAttribute("role", "button");
  sector.setAttribute("tabindex", "0");
  sector.setAttribute("aria-label", VIEWPOINTS[k]);
  sector.addEventListener("click", toggle);
  sector.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) sectors[(k + step + sectors.length) % sectors.length].focus();
    else if (event.key === "Enter" || event.key === " ") toggle();
    else return;
    event.preventDefault();
  });
}
