// A car from above, its front up, with the eight places from which it can be seen.

export const VIEWPOINTS = [
  "front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left",
];
const SVG = "http://www.w3.org/2000/svg";
const SHORT = { front: "front", back: "back", left: "left", right: "right" };

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function point(radius, degrees) {
  const turn = ((degrees - 90) * Math.PI) / 180;
  return `${(100 + radius * Math.cos(turn)).toFixed(1)} ${(100 + radius * Math.sin(turn)).toFixed(1)}`;
}

// Fills `holder`; with `onToggle` the sectors are switches, else the picture is one image.
export function compass(holder, onToggle) {
  const svg = element("svg", { viewBox: "0 0 200 200", class: "compass" }, holder);
  svg.setAttribute("role", onToggle ? "group" : "img");
  const sectors = VIEWPOINTS.map((viewpoint, k) => {
    const group = element("g", {}, svg);
    const [from, to] = [k * 45 - 21.5, k * 45 + 21.5];
    element("path", {
      d: `M${point(62, from)} L${point(96, from)} A96 96 0 0 1 ${point(96, to)} L${point(62, to)} A62 62 0 0 0 ${point(62, from)}Z`,
    }, group);
    const [x, y] = point(79, k * 45).split(" ");
    const label = SHORT[viewpoint];
    if (label) element("text", { x, y }, group).textContent = label;
    if (onToggle) {
      group.setAttribute("role", "button");
      group.setAttribute("tabindex", "0");
      group.setAttribute("aria-label", viewpoint);
      group.setAttribute("aria-pressed", "false");
      const toggle = () => onToggle(viewpoint);
      group.addEventListener("click", toggle);
      group.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      });
    }
    return group;
  });
  element("rect", { x: 76, y: 52, width: 48, height: 96, rx: 16, class: "body" }, svg);
  element("path", { d: "M82 84 Q100 74 118 84 L114 96 H86Z", class: "glass" }, svg);
  element("path", { d: "M86 128 H114 L117 136 Q100 142 83 136Z", class: "glass" }, svg);

  return (chosen, text) => {
    sectors.forEach((group, k) => {
      const on = chosen.includes(VIEWPOINTS[k]);
      group.classList.toggle("on", on);
      if (onToggle) group.setAttribute("aria-pressed", String(on));
    });
    svg.setAttribute("aria-label", text);
  };
}
