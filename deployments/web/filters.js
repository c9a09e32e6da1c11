// How many photos are of which kind; each count shows those photos alone.
import { $, element } from "./dom.js";
import { goTo, place } from "./place.js";
import { countsOf, KINDS } from "./summary.js";

export class Filters {
  constructor(onFilter) {
    this.onFilter = onFilter;
    const button = (kind, words, tone) => {
      const count = element("span", { className: "count" });
      const made = element("button", { type: "button" }, `${words} `, count);
      made.dataset.tone = tone;
      made.addEventListener("click", () => this.choose(place.kind === kind ? null : kind));
      return [kind, { made, count }];
    };
    this.buttons = new Map([
      button(null, "All", ""),
      ...Object.entries(KINDS).map(([kind, { words, tone }]) => button(kind, words, tone)),
    ]);
    $("filters").append(...[...this.buttons.values()].map(({ made }) => made));
  }

  // null shows all.
  choose(kind) {
    goTo({ kind });
    this.onFilter();
  }

  show(photos, rules) {
    const counts = { ...countsOf(photos, rules), null: photos.length };
    for (const [kind, { made, count }] of this.buttons) {
      count.textContent = counts[kind];
      made.hidden = kind !== null && kind !== place.kind && !counts[kind];
      made.setAttribute("aria-pressed", String(kind === place.kind));
    }
  }
}
