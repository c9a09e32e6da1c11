// How many photos are of which kind; each count shows those photos alone.
import { $, element } from "./dom.js";
import { countsOf, KINDS } from "./summary.js";

export class Filters {
  constructor(onFilter) {
    this.kind = null; // null shows all
    this.onFilter = onFilter;
    const button = (kind, words, tone) => {
      const count = element("span", { className: "count" });
      const made = element("button", { type: "button" }, `${words} `, count);
      made.dataset.tone = tone;
      made.addEventListener("click", () => this.choose(this.kind === kind ? null : kind));
      return [kind, { made, count }];
    };
    this.buttons = new Map([
      button(null, "All", ""),
      ...Object.entries(KINDS).map(([kind, { words, tone }]) => button(kind, words, tone)),
    ]);
    $("filters").append(...[...this.buttons.values()].map(({ made }) => made));
  }

  choose(kind) {
    this.kind = kind;
    this.onFilter();
  }

  show(photos, rules) {
    const counts = { ...countsOf(photos, rules), null: photos.length };
    for (const [kind, { made, count }] of this.buttons) {
      count.textContent = counts[kind];
      made.hidden = kind !== null && kind !== this.kind && !counts[kind];
      made.setAttribute("aria-pressed", String(kind === this.kind));
    }
  }
}
