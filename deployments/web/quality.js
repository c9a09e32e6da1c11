// How well a photo shows its car, a line for each thing that is measured.
import { findingsOf } from "./checks.js";
import { $, element } from "./dom.js";
import { listed } from "./messages.js";

const FRAMINGS = { distant: "distant", whole: "the car in its surroundings", "close-up": "close-up" };
// The rules that are only true or false: what breaks them is worth a mark, asked for or not.
const PLAIN = { whole: true, sharp: true, exposure: true, single: true };

const percent = (share) => `${Math.round(100 * share)} %`;

// Name, value in words of { quality, weak(code) }, and the findings that are about it.
const ROWS = [
  ["Whole car", ({ cut }) => (cut.length ? `no, cut at the ${listed(cut, "and")}` : "yes"), ["whole"]],
  ["Framing", ({ framing, car_share: share }) => `${FRAMINGS[framing] ?? framing}, ${percent(share)} of the picture`, ["framing", "min-car-share", "max-car-share"]],
  ["Sharpness", ({ sharpness }, weak) => `${sharpness.toFixed(2)}, ${weak("sharp") ? "blurred" : "sharp"}`, ["sharp"]],
  ["Light", ({ brightness }, weak) => `${brightness.toFixed(2)}, ${weak("dark") ? "dark" : "light enough"}`, ["dark"]],
  ["Blown out", ({ blown }) => `${percent(blown)} of the car`, ["blown-out"]],
  ["Width", ({ width }) => `${width} pixels`, ["min-width"]],
  ["Cars seen", ({ cars }) => String(cars), ["single"]],
];

// `findings` are those of the verdict, `checks` the server's.
export function showQuality(answer, findings, checks) {
  const { quality } = answer;
  $("quality").hidden = !quality;
  if (!quality) return;
  const broken = new Set(findings.map(({ code }) => code));
  const weak = new Set(findingsOf(answer, PLAIN, checks).map(({ code }) => code));
  $("quality-rows").replaceChildren(...ROWS.map(([name, words, codes]) => {
    const tone = codes.some((code) => broken.has(code)) ? "bad" : codes.some((code) => weak.has(code)) ? "warn" : "";
    const value = element("dd", {}, words(quality, (code) => weak.has(code)));
    value.dataset.tone = tone;
    return element("div", {}, element("dt", {}, name), value);
  }));
}
