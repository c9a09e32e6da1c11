// The views of one car: which photos show them, which are missing, and which shot comes next.
import { compass, VIEWPOINTS } from "./compass.js";
import { $, svg } from "./dom.js";
import { listed, PLACES } from "./messages.js";
import { OUTLINES } from "./outlines.js";
import { distance, wayFrom } from "./verdict.js";

export class Shots {
  // `on` is { choose, take }: a view's photo is wanted, or a photo of a view that is missing.
  constructor(on) {
    this.on = on;
    this.showViews = compass($("shots-compass"), (viewpoint) => this.#pick(viewpoint));
    $("shots-take").addEventListener("click", () => on.take(this.next));
  }

  // `rules` tells which views must be there; without any all eight must.
  show(photos, { expect, minScore }) {
    this.wanted = expect.length ? expect : VIEWPOINTS;
    this.best = bestOf(photos, minScore);
    const missing = this.wanted.filter((viewpoint) => !this.best.has(viewpoint));
    const have = this.wanted.length - missing.length;
    const last = photos.findLast(({ answer }) => answer?.pose.viewpoint)?.answer.pose.viewpoint;
    this.next = nextShot(missing, last);
    $("shots-count").textContent = `${have} of ${this.wanted.length}`;
    $("shots-missing").textContent = missing.length
      ? `Missing: ${listed(missing.map((viewpoint) => viewpoint.replace("-", " ")), "and")}.`
      : "Every view is there.";
    $("shots-next").textContent = missing.length ? nextWords(this.next, last) : "";
    $("shots-take").hidden = !missing.length;
    this.showViews({
      filled: [...this.best.keys()].filter((viewpoint) => this.wanted.includes(viewpoint)),
      away: VIEWPOINTS.filter((viewpoint) => !this.wanted.includes(viewpoint)),
      labels: (viewpoint) => `${viewpoint}: ${this.best.get(viewpoint)?.name ?? "missing"}`,
      words: `Views of this car: ${have} of ${this.wanted.length} are there`,
    });
  }

  #pick(viewpoint) {
    const photo = this.best.get(viewpoint);
    if (photo) this.on.choose(photo);
    else this.on.take(viewpoint);
  }
}

// The surest photo of each view.
function bestOf(photos, minScore) {
  const best = new Map();
  for (const photo of photos) {
    const { viewpoint, viewpoint_score: score } = photo.answer?.pose ?? {};
    if (!viewpoint || (minScore !== null && score < minScore)) continue;
    const other = best.get(viewpoint)?.answer.pose.viewpoint_score ?? -1;
    if (score > other) best.set(viewpoint, photo);
  }
  return best;
}

// The missing view that is the shortest walk away; who walks on goes clockwise.
function nextShot(missing, last) {
  if (!last) return missing[0];
  const clockwise = (viewpoint) =>
    (VIEWPOINTS.indexOf(viewpoint) - VIEWPOINTS.indexOf(last) + VIEWPOINTS.length) % VIEWPOINTS.length;
  return [...missing].sort((a, b) => distance(a, last) - distance(b, last) || clockwise(a) - clockwise(b))[0];
}

function nextWords(next, last) {
  const place = `Next: ${PLACES[next]}.`;
  if (!last || last === next) return place;
  const way = wayFrom(last, [next]);
  return `${place} ${way.charAt(0).toUpperCase()}${way.slice(1)}.`;
}

// A drawing of the view to line the car up with.
export function outlineOf(viewpoint) {
  return svg("svg", { viewBox: "0 0 400 300", "aria-hidden": "true" },
    svg("path", { class: "outline-under", d: OUTLINES[viewpoint] }),
    svg("path", { class: "outline-line", d: OUTLINES[viewpoint] }));
}
