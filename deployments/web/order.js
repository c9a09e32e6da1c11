// In which order the photos stand, and what chooses it: a list, or the table's head.
import { $ } from "./dom.js";
import { VIEWPOINTS } from "./compass.js";
import { goTo, place } from "./place.js";
import { KINDS } from "./summary.js";

const KIND_ORDER = Object.keys(KINDS);
const least = (value) => value ?? -1;

// Value of a photo, from its summary, by which it is sorted.
const VALUES = {
  added: () => 0,
  name: (_, photo) => photo.name,
  verdict: ({ kind }) => KIND_ORDER.indexOf(kind),
  viewpoint: ({ viewpoint }) => VIEWPOINTS.indexOf(viewpoint),
  certainty: ({ score }) => least(score),
  angle: ({ angle }) => least(angle),
  reason: ({ reason }) => reason,
};

const compare = new Intl.Collator(undefined, { numeric: true }).compare;

// `lines` are [photo, summary]; the order in which they were added decides between equals.
function sorted(lines, { by, down }) {
  const value = VALUES[by];
  const keyed = lines.map((line) => ({ line, key: value(line[1], line[0]) }));
  keyed.sort((a, b) => (typeof a.key === "string" ? compare(a.key, b.key) : a.key - b.key));
  const ordered = keyed.map(({ line }) => line);
  return down ? ordered.reverse() : ordered;
}

export class Order {
  constructor(onChange) {
    this.onChange = onChange;
    $("sort").addEventListener("change", () => this.#set($("sort").value, false));
    $("down").addEventListener("click", () => this.#set(place.by, !place.down));
    for (const button of document.querySelectorAll("[data-by]")) {
      const { by } = button.dataset;
      button.addEventListener("click", () => this.#set(by, by === place.by && !place.down));
    }
    this.#show();
  }

  // `lines` are [photo, summary].
  of(lines) {
    return sorted(lines, place);
  }

  #set(by, down) {
    goTo({ by, down });
    this.#show();
    this.onChange();
  }

  #show() {
    const { by, down } = place;
    $("sort").value = by;
    $("down").setAttribute("aria-pressed", String(down));
    for (const button of document.querySelectorAll("[data-by]")) {
      const head = button.parentElement;
      if (button.dataset.by === by) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }
}
