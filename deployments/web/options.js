// The options: which engine answers, and which rules and views are asked for.
import { asksOf } from "./checks.js";
import { compass } from "./compass.js";
import { $, element } from "./dom.js";
import { ENGINES, isPaid, paid, priceOf } from "./engines.js";
import { listed, plain, sentence } from "./messages.js";
import { asked, book, viewsOf } from "./rules.js";

export class Options {
  constructor(settings) {
    this.settings = settings;
    this.showExpected = compass($("expect"), (viewpoint) => {
      const { expect } = asked(settings);
      const others = expect.filter((v) => v !== viewpoint);
      const chosen = others.length < expect.length ? others : [...others, viewpoint];
      const ofSet = viewsOf(settings.rules);
      const same = chosen.length === ofSet.length && chosen.every((v) => ofSet.includes(v));
      settings.set({ expect: same ? [] : chosen });
    });
    $("rules").addEventListener("change", () => settings.set({ rules: $("rules").value, expect: [] }));
    $("expect-none").addEventListener("click", () => {
      settings.set({ expect: [] });
      $("expect").querySelector("[role=button]").focus();
    });
    for (const radio of document.getElementsByName("engine")) {
      radio.addEventListener("change", () => settings.set({ engine: radio.value }));
    }
  }

  show() {
    const { engine, rules } = this.settings;
    const { expect, set } = asked(this.settings);
    this.#showRules(rules, set);
    for (const radio of document.getElementsByName("engine")) {
      radio.checked = radio.value === engine;
      radio.disabled = isPaid(radio.value) && !paid.on;
    }
    const words = expect.length ? `Accepts ${listed(expect, "or")}` : "Every view is accepted";
    this.showExpected({ expected: expect, words: `Expected views around a car seen from above. ${words}.` });
    $("expect-words").textContent = expect.length
      ? `${words}.`
      : "Every view is accepted. Choose around the car which ones to accept.";
    $("expect-none").hidden = !this.settings.expect.length;
    $("expect-none").textContent = viewsOf(rules).length ? "The views of the rules" : "Accept every view";
    $("privacy").textContent = ENGINES[engine].privacy;
    $("engine-words").textContent = ENGINES[engine].words;
    $("paid-words").textContent = paid.on
      ? `Amazon Rekognition costs ${priceOf(1)} a photo.`
      : `Amazon Rekognition is off, and with it the comparison of both: ${paid.why}`;
    $("chosen-options").textContent = [ENGINES[engine].name, set && rules, words].filter(Boolean).join(" · ");
  }

  #showRules(rules, set) {
    const names = ["", ...Object.keys(book.sets)];
    $("rules-field").hidden = names.length < 2;
    if ($("rules").length !== names.length) {
      $("rules").replaceChildren(...names.map((name) => element("option", { value: name }, name || "None")));
    }
    $("rules").value = set ? rules : "";
    const views = set?.views?.length ? `of a car's photos: ${listed(set.views.map(plain), "and")}` : "";
    $("rules-words").textContent = set
      ? [`Asks for ${listed(asksOf(set, book.checks), "and")}`, views].filter(Boolean).map(sentence).join(" ")
      : "Sets of rules on the photo itself: whole, sharp, well lit.";
  }
}
