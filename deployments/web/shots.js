// The views of one car: which photos show them, which are missing, and which shot comes next.
import { setOf } from "./carset.js";
import { compass, VIEWPOINTS } from "./compass.js";
import { $, element, svg } from "./dom.js";
import { listed, PLACES } from "./messages.js";
import { OUTLINES } from "./outlines.js";
import { book } from "./rules.js";
import { distance, wayFrom } from "./verdict.js";

export class Shots {
  // `on` is { choose, take }: a view's photo is wanted, or a photo of a view that is missing.
  constructor(on) {
    this.on = on;
    this.showViews = compass($("shots-compass"), (viewpoint) => this.#pick(viewpoint));
    $("shots-take").addEventListener("click", () => on.take(this.next));
  }

  // `rules` tells which views must be there; without any all eight must.
  show(photos, rules) {
    this.wanted = rules.expect.length ? rules.expect : VIEWPOINTS;
    const { missing, doubles, order } = setOf(photos, this.wanted, rules, book.listing_order);
    this.best = new Map(order.map((photo) => [photo.answer.pose.viewpoint, photo]));
    for (const viewpoint of missing) this.best.delete(viewpoint);
    this.#showSet(doubles, rules.expect.length ? order : inOrder(order, book.listing_order));
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

  // Which photo of a view is the better one, and how they would stand in a listing.
  #showSet(doubles, order) {
    $("shots-doubles").replaceChildren(...doubles.map(({ viewpoint, better, others }) =>
      element("li", {}, `${sentenceStart(viewpoint)}: ${better.name} is the best of ${others.length + 1}.`)));
    $("shots-order-name").hidden = order.length < 2;
    const shown = order.length < 2 ? [] : order;
    if (same(shown, this.ordered)) return; // pictures that are drawn again would flicker
    this.ordered = shown.map(lookOf);
    $("shots-order").replaceChildren(...shown.map((photo) => {
      const words = photo.answer.pose.viewpoint.replace("-", " ");
      const picture = photo.thumb ? [element("img", { src: photo.thumb, alt: "", width: 48, height: 48 })] : [];
      const button = element("button", { type: "button", title: photo.name }, ...picture, element("span", {}, words));
      button.addEventListener("click", () => this.on.choose(photo));
      return element("li", {}, button);
    }));
  }

  #pick(viewpoint) {
    const photo = this.best.get(viewpoint);
    if (photo) this.on.choose(photo);
    else this.on.take(viewpoint);
  }
}

const lookOf = (photo) => [photo.id, photo.thumb, photo.answer.pose.viewpoint].join(" ");

function same(photos, ordered = []) {
  return photos.length === ordered.length && photos.every((photo, k) => lookOf(photo) === ordered[k]);
}

function inOrder(photos, listing) {
  const place = ({ answer }) => listing.indexOf(answer.pose.viewpoint);
  return [...photos].sort((a, b) => place(a) - place(b));
}

function sentenceStart(viewpoint) {
  return viewpoint.charAt(0).toUpperCase() + viewpoint.slice(1).replace("-", " ");
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
