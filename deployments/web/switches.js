// The list of parts with a switch each, and the switches of all parts, outline and line.
import { $, element } from "./dom.js";
import { colourOf, namesOf } from "./parts.js";

export class Switches {
  // `onHighlight(index)` hears which part is lit, -1 for none.
  constructor(overlay, onHighlight) {
    this.overlay = overlay;
    this.onHighlight = onHighlight;
    this.rows = [];
    $("all").addEventListener("change", () => {
      this.off.clear();
      if (!$("all").checked) this.rows.forEach((row, index) => this.off.add(index));
      this.#update();
    });
    for (const [id, mark] of [["outline", "withOutline"], ["line", "withLine"], ["names", "withNames"]]) {
      $(id).addEventListener("change", () => overlay.mark({ [mark]: $(id).checked }));
    }
  }

  // `off` is the photo's own set of parts switched off.
  show(answer, off) {
    this.off = off;
    const names = namesOf(answer.parts);
    this.rows = answer.parts.map((part, index) => this.#row(part, names[index], index));
    $("part-list").replaceChildren(...this.rows.map(({ item }) => item));
    $("switches").hidden = !answer.parts.length;
    $("part-count").textContent = answer.parts.length ? String(answer.parts.length) : "none found";
    $("line").disabled = !answer.pose.reference_line;
    this.#update(false);
  }

  // Lights a part up in the list and on the photo.
  highlight(index) {
    this.rows.forEach(({ item }, k) => item.classList.toggle("lit", k === index));
    this.overlay.highlight(index);
    this.onHighlight(index);
  }

  #row(part, name, index) {
    const box = element("input", { type: "checkbox" });
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = `rgb(${colourOf(part.label).join(" ")})`;
    const score = element("span", { className: "score", title: "score" }, part.score.toFixed(2));
    const item = element("li", {},
      element("label", { className: "check" }, box, swatch, element("span", {}, name), score));
    box.addEventListener("change", () => {
      if (box.checked) this.off.delete(index);
      else this.off.add(index);
      this.#update();
    });
    for (const event of ["pointerenter", "focusin"]) {
      item.addEventListener(event, () => this.highlight(index));
    }
    for (const event of ["pointerleave", "focusout"]) {
      item.addEventListener(event, () => this.highlight(-1));
    }
    return { item, box };
  }

  #update(draw = true) {
    this.rows.forEach(({ box }, index) => (box.checked = !this.off.has(index)));
    $("all").checked = this.off.size === 0;
    $("all").indeterminate = this.off.size > 0 && this.off.size < this.rows.length;
    if (draw) this.overlay.draw();
  }
}
