// The views of one car: which photos show them, which are missing, and which shot comes next.
import { setOf } from "./carset.js";
import { compass, VIEWPOINTS } from "./compass.js";
import { $, element, svg } from "./dom.js";
import { listed, PLACES, plain, sentence } from "./messages.js";
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

  show(photos, rules) {
    const { views } = rules;
    const { missing, doubles, order } = setOf(photos, rules, book.listing_order);
    const shown = new Map(order.map((photo) => [photo.answer.pose.viewpoint, photo]));
    this.best = new Map(shown);
    for (const viewpoint of missing) this.best.delete(viewpoint);
    this.#showSet(doubles, order, missing);
    const have = views.length - missing.length;
    const last = photos.findLast(({ answer }) => answer?.pose.viewpoint)?.answer.pose.viewpoint;
    this.next = nextShot(missing, last);
    $("shots-count").textContent = `${have} of ${views.length}`;
    const poor = (viewpoint) => (shown.has(viewpoint) ? ` (${shown.get(viewpoint).name} is not good enough)` : "");
    $("shots-missing").textContent = missing.length
      ? `Missing: ${listed(missing.map((viewpoint) => plain(viewpoint) + poor(viewpoint)), "and")}.`
      : `${views.length < VIEWPOINTS.length ? "Every view that the rules ask for" : "Every view"} is there.`;
    $("shots-next").textContent = missing.length ? nextWords(this.next, last) : "";
    $("shots-take").hidden = !missing.length;
    this.showViews({
      filled: [...this.best.keys()].filter((viewpoint) => views.includes(viewpoint)),
      away: VIEWPOINTS.filter((viewpoint) => !views.includes(viewpoint)),
      labels: (viewpoint) => `${viewpoint}: ${this.best.get(viewpoint)?.name ?? "missing"}`,
      words: `Views of this car: ${have} of ${views.length} are there`,
    });
  }

  // Which photo of a view is the better one, and how they would stand in a listing.
  #showSet(doubles, order, missing) {
    $("shots-doubles").replaceChildren(...doubles.map(({ viewpoint, better, others }) =>
      element("li", {}, sentence(`${plain(viewpoint)}: ${better.name} is the best of ${others.length + 1}`))));
    $("shots-order-name").hidden = order.length < 2;
    const shown = order.length < 2 ? [] : order;
    const looks = shown.map(({ id, thumb, answer: { pose } }) => `${id} ${thumb} ${pose.viewpoint} ${missing.includes(pose.viewpoint)}`);
    if (looks.join() === this.looks) return; // pictures that are drawn again would flicker
    this.looks = looks.join();
    $("shots-order").replaceChildren(...shown.map((photo) => {
      const words = plain(photo.answer.pose.viewpoint);
      const picture = photo.thumb ? [element("img", { src: photo.thumb, alt: "", width: 48, height: 48 })] : [];
      const button = element("button", { type: "button", title: photo.name }, ...picture, element("span", {}, words));
      button.classList.toggle("poor", missing.includes(photo.answer.pose.viewpoint));
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

// The missing view that is the shortest walk away; who walks on goes clockwise.
function nextShot(missing, last) {
  if (!last) return missing[0];
  const clockwise = (viewpoint) =>
    (VIEWPOINTS.indexOf(viewpoint) - VIEWPOINTS.indexOf(last) + VIEWPOINTS.length) % VIEWPOINTS.length;
  return [...missing].sort((a, b) => distance(a, last) - distance(b, last) || clockwise(a) - clockwise(b))[0];
}

function nextWords(next, last) {
  const place = `Next: ${PLACES[next]}.`;
  return last && last !== next ? `${place} ${sentence(wayFrom(last, [next]))}` : place;
}

// A drawing of the view to line the car up with.
export function outlineOf(viewpoint) {
  return svg("svg", { viewBox: "0 0 400 300", "aria-hidden": "true" },
    svg("path", { class: "outline-under", d: OUTLINES[viewpoint] }),
    svg("path", { class: "outline-line", d: OUTLINES[viewpoint] }));
}
