// The angle between the horizontal and the line through the wheels, in a drawing and in words.
import { svg } from "./dom.js";

const REACH = 88;

// `signed` is in degrees, positive when the line rises to the right.
export function angleDrawing(signed) {
  const turn = (signed * Math.PI) / 180;
  const [x, y] = [REACH * Math.cos(turn), -REACH * Math.sin(turn)];
  const arc = 46;
  const [ax, ay] = [arc * Math.cos(turn), -arc * Math.sin(turn)];
  const high = Math.abs(y) + 16;
  const wheel = (cx, cy) => svg("circle", { class: "angle-wheel", cx, cy, r: 6 });
  return svg("svg", { class: "angle-drawing", viewBox: `-12 ${y < 0 ? -high : -16} 124 ${high + 16}`, "aria-hidden": "true" },
    svg("path", { class: "angle-level", d: `M0 0H${REACH + 14}` }),
    svg("path", { class: "angle-arc", d: `M${arc} 0A${arc} ${arc} 0 0 ${signed > 0 ? 0 : 1} ${ax.toFixed(1)} ${ay.toFixed(1)}` }),
    svg("path", { class: "angle-line", d: `M0 0L${x.toFixed(1)} ${y.toFixed(1)}` }),
    wheel(0, 0), wheel(x.toFixed(1), y.toFixed(1)));
}

export function angleWords(signed) {
  if (Math.abs(signed) < 0.05) return "The line through the wheels of the nearer side is level.";
  const way = signed > 0 ? "rises" : "falls";
  return `The line through the wheels of the nearer side ${way} to the right by ${Math.abs(signed).toFixed(1)}°.`;
}
