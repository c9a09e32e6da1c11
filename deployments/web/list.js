// The list of photos: only the rows in sight are in the document, so that a thousand are no
// more work than ten. Narrow it is a list of two lines each, wide a table.
import { $, element, typing } from "./dom.js";

const SPARE = 4; // rows beyond each edge
const PAGE = 8;

export class List {
  // `on` is { choose, remove, retry }, each called with a photo.
  constructor(on) {
    this.on = on;
    this.grid = $("list");
    this.lines = [];
    this.rows = new Map();
    this.grid.addEventListener("scroll", () => this.#render(), { passive: true });
    new ResizeObserver(() => this.#render()).observe(this.grid);
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("keydown", (event) => {
      const step = { j: 1, k: -1 }[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      this.step(step);
    });
  }

  // `lines` are [photo, summary] in the order to show.
  show(lines, chosen, canTryAgain) {
    Object.assign(this, { lines, chosen, canTryAgain });
    this.grid.setAttribute("aria-rowcount", lines.length + 1);
    this.#render();
  }

  // Goes to the photo `step` further on.
  step(step) {
    if (!this.lines.length) return;
    const at = this.#index();
    const next = at < 0 ? 0 : Math.min(this.lines.length - 1, Math.max(0, at + step));
    if (next !== at) this.on.choose(this.lines[next][0]);
  }

  // Scrolls as little as brings the chosen photo into sight.
  reveal() {
    const at = this.#index();
    if (at < 0) return;
    const [top, bottom] = [at * this.#height(), (at + 1) * this.#height()];
    const { scrollTop, clientHeight } = this.grid;
    const head = $("list-head").offsetHeight;
    if (top < scrollTop) this.grid.scrollTop = top;
    else if (bottom + head > scrollTop + clientHeight) this.grid.scrollTop = bottom + head - clientHeight;
  }

  place() {
    return { at: this.#index(), of: this.lines.length };
  }

  #index() {
    return this.lines.findIndex(([photo]) => photo === this.chosen);
  }

  #height() {
    return 3.5 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  #key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE, Home: -Infinity, End: Infinity };
    if (event.target !== this.grid) return;
    if (event.key in steps) this.step(steps[event.key]);
    else if (event.key === "Delete" && this.chosen) this.on.remove(this.chosen);
    else if (event.key === "Enter") $("result").focus();
    else return;
    event.preventDefault();
  }

  #render() {
    const high = this.#height();
    const body = $("list-body");
    body.style.height = `${this.lines.length * high}px`;
    this.grid.style.setProperty("--rows", this.lines.length);
    const first = Math.max(0, Math.floor(this.grid.scrollTop / high) - SPARE);
    const last = Math.ceil((this.grid.scrollTop + this.grid.clientHeight) / high) + SPARE;
    const wanted = new Map();
    this.lines.forEach((line, k) => {
      // The chosen row stays, wherever it is: the list's focus is on it.
      if ((k >= first && k < last) || line[0] === this.chosen) wanted.set(line[0], [k, line[1]]);
    });
    for (const [photo, row] of this.rows) {
      if (wanted.has(photo)) continue;
      row.element.remove();
      this.rows.delete(photo);
    }
    for (const [photo, [k, summary]] of wanted) {
      if (!this.rows.has(photo)) this.rows.set(photo, this.#row(photo));
      const row = this.rows.get(photo);
      row.element.style.transform = `translateY(${k * high}px)`;
      row.element.setAttribute("aria-rowindex", k + 2);
      row.element.setAttribute("aria-selected", String(photo === this.chosen));
      this.#fill(row, photo, summary);
    }
    const chosen = this.rows.get(this.chosen)?.element.id;
    if (chosen) this.grid.setAttribute("aria-activedescendant", chosen);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  #row(photo) {
    const cell = (name, ...children) => {
      const made = element("div", { className: name }, ...children);
      made.setAttribute("role", "gridcell");
      return made;
    };
    const button = (name, words, act) => {
      const made = element("button", { type: "button", className: name, title: words, tabIndex: -1 });
      made.setAttribute("aria-label", `${words}: ${photo.name}`);
      made.addEventListener("click", (event) => {
        event.stopPropagation();
        act(photo);
      });
      return made;
    };
    const cells = {
      thumb: cell("thumb"),
      name: cell("name", photo.name),
      verdict: cell("state"),
      viewpoint: cell("viewpoint"),
      score: cell("number"),
      angle: cell("number"),
      reason: cell("reason"),
    };
    const retry = button("retry", "Try again", this.on.retry);
    const remove = button("remove", "Remove", this.on.remove);
    const row = element("div", { className: "photo", id: `photo-${photo.id}`, title: photo.name },
      ...Object.values(cells), cell("acts", retry, remove));
    row.setAttribute("role", "row");
    row.addEventListener("click", () => this.on.choose(photo));
    $("list-body").append(row);
    return { element: row, cells, retry };
  }

  #fill({ element: row, cells, retry }, photo, { words, tone, viewpoint, score, angle, reason }) {
    if (photo.thumb && !cells.thumb.firstChild) {
      cells.thumb.append(element("img", { src: photo.thumb, alt: "", width: 48, height: 48 }));
    }
    row.dataset.tone = cells.verdict.dataset.tone = tone;
    row.classList.toggle("alone", viewpoint === null && score === null);
    set(cells.verdict, words);
    set(cells.viewpoint, viewpoint ?? "");
    set(cells.score, score === null ? "" : `${Math.round(score * 100)} %`);
    set(cells.angle, angle === null ? "" : `${angle.toFixed(1)}°`);
    set(cells.reason, reason);
    cells.reason.title = reason;
    retry.hidden = !this.canTryAgain(photo);
  }
}

function set(cell, words) {
  if (cell.textContent !== words) cell.textContent = words;
}
