// What a person takes along: pictures and JSON of one photo, code that asks for it, a table of all.
import { copies } from "./copy.js";
import { $ } from "./dom.js";
import { renamed, save } from "./files.js";
import { keepsake, KEEPSAKES } from "./keepsakes.js";
import { message } from "./messages.js";
import { LANGUAGES } from "./snippets.js";
import { csvOf, jsonOf } from "./tables.js";

export class Takeaway {
  // `all()` gives [photos, rules]; `marks()` what is drawn on the photo that is shown.
  constructor(all, marks) {
    for (const [kind, { ending }] of Object.entries(KEEPSAKES)) {
      $(`save-${kind}`).addEventListener("click", () => this.#save(kind, ending, marks()));
    }
    $("save-json").addEventListener("click", () => {
      save(JSON.stringify(this.photo.body, null, 2), renamed(this.photo.name, ".json"), "application/json");
    });
    $("all-csv").addEventListener("click", () => save(csvOf(...all()), "carpose.csv", "text/csv"));
    $("all-json").addEventListener("click", () => save(jsonOf(...all()), "carpose.json", "application/json"));
    copies($("copy-json"), () => JSON.stringify(this.photo.body, null, 2), $("json"));
    copies($("copy-code"), () => $("code").textContent, $("code"));
    for (const radio of document.getElementsByName("language")) {
      radio.addEventListener("change", () => this.#showCode());
    }
  }

  show(photo, rules) {
    Object.assign(this, { photo, rules });
    if (!photo.answer) return;
    this.#showCode();
    if (photo.body !== this.shown) $("json").textContent = JSON.stringify(photo.body, shortened, 2);
    this.shown = photo.body;
    $("save-problem").textContent = "";
  }

  #showCode() {
    const language = document.querySelector("input[name=language]:checked").value;
    const question = { engine: this.photo.body.engine, ...this.rules.said };
    $("code").textContent = LANGUAGES[language](this.photo.file, question);
  }

  async #save(kind, ending, marks) {
    const { photo } = this;
    try {
      save(await keepsake(kind, photo, { ...marks, off: photo.off }), renamed(photo.name, ending));
    } catch (problem) {
      $("save-problem").textContent = message(problem.code).title;
    }
  }
}

// Masks and pictures are long and mean nothing to a reader; the copy has them in full.
function shortened(key, value) {
  const long = typeof value === "string" && value.length > 120;
  return long ? `${value.slice(0, 24)}… (${value.length} characters)` : value;
}
