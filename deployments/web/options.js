// The options: which engine answers and which views are expected.
import { compass } from "./compass.js";
import { $ } from "./dom.js";
import { ENGINES, isPaid, paid, priceOf } from "./engines.js";
import { listed } from "./messages.js";

export class Options {
  constructor(settings) {
    this.settings = settings;
    this.showExpected = compass($("expect"), (viewpoint) => {
      const others = settings.expect.filter((v) => v !== viewpoint);
      const off = others.length < settings.expect.length;
      settings.set({ expect: off ? others : [...others, viewpoint] });
    });
    $("expect-none").addEventListener("click", () => {
      settings.set({ expect: [] });
      $("expect").querySelector("[role=button]").focus();
    });
    for (const radio of document.getElementsByName("engine")) {
      radio.addEventListener("change", () => settings.set({ engine: radio.value }));
    }
  }

  show() {
    const { engine, expect } = this.settings;
    for (const radio of document.getElementsByName("engine")) {
      radio.checked = radio.value === engine;
      radio.disabled = isPaid(radio.value) && !paid.on;
    }
    const words = expect.length ? `Accepts ${listed(expect, "or")}` : "Every view is accepted";
    this.showExpected({ expected: expect, words: `Expected views around a car seen from above. ${words}.` });
    $("expect-words").textContent = expect.length
      ? `${words}.`
      : "Every view is accepted. Choose around the car which ones to accept.";
    $("expect-none").hidden = !expect.length;
    $("privacy").textContent = ENGINES[engine].privacy;
    $("engine-words").textContent = ENGINES[engine].words;
    $("paid-words").textContent = paid.on
      ? `Amazon Rekognition costs ${priceOf(1)} a photo.`
      : `Amazon Rekognition is off. ${paid.why}`;
    $("chosen-options").textContent = `${ENGINES[engine].name} · ${words}`;
  }
}
