// The options: which engine answers and which views are expected.
import { compass } from "./compass.js";
import { $ } from "./dom.js";
import { listed } from "./messages.js";

const ENGINES = {
  detectron2: {
    words: "Models that run on this server.",
    privacy: "Photos are sent to this server and nowhere else.",
  },
  rekognition: {
    words: "Amazon's service, where this server has an AWS account for it.",
    privacy: "Photos are sent to this server, which passes them to Amazon Rekognition.",
  },
  compare: {
    words: "Both engines on the same photo, side by side.",
    privacy: "Photos are sent to this server, which passes them to Amazon Rekognition.",
  },
};

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
    const radio = document.querySelector(`input[name=engine][value=${engine}]`);
    radio.checked = true;
    const words = expect.length ? `Accepts ${listed(expect, "or")}` : "Every view is accepted";
    this.showExpected({ expected: expect, words: `Expected views around a car seen from above. ${words}.` });
    $("expect-words").textContent = expect.length
      ? `${words}.`
      : "Every view is accepted. Choose around the car which ones to accept.";
    $("expect-none").hidden = !expect.length;
    $("privacy").textContent = ENGINES[engine].privacy;
    $("engine-words").textContent = ENGINES[engine].words;
    $("chosen-options").textContent = `${radio.parentElement.textContent.trim()} · ${words}`;
  }
}
