// What an answer says of the car, and why a photo is accepted or not.
import { angleDrawing, angleWords } from "./angle.js";
import { compass } from "./compass.js";
import { $, element } from "./dom.js";
import { listed, seenFrom, sentence } from "./messages.js";
import { showQuality } from "./quality.js";
import { judge } from "./verdict.js";

const WHEEL_WARNINGS = new Set(["no-wheels", "one-wheel", "coincident-wheels"]);

export class Facts {
  constructor() {
    this.showCompass = compass($("compass"));
  }

  show(answer, rules) {
    const { pose, warnings } = answer;
    const { expect } = rules;
    const judged = judge(answer, rules);
    showReasons(judged);
    showQuality(answer, judged?.findings ?? [], rules.checks);
    this.showCompass({ seen: pose.viewpoint, expected: expect, azimuth: pose.azimuth ?? null, words: compassWords(pose, expect) });
    $("compass-legend").hidden = !expect.length;
    const place = pose.viewpoint ?? pose.view;
    fact("viewpoint", place ?? "unknown", place === null, viewWords(pose));
    const score = pose.viewpoint_score;
    fact("certainty", score === null ? "unknown" : `${Math.round(score * 100)} %`, score === null, certaintyWords(score, rules));
    showDirection(pose);
    showAngle(answer);
    const rest = warnings.filter((w) => pose.angle !== null || !WHEEL_WARNINGS.has(w.code));
    const notes = [...rest, ...(answer.notices ?? [])];
    $("warnings").replaceChildren(...notes.map(({ detail }) => element("li", {}, sentence(detail))));
    $("other-cars").textContent = othersWords(answer);
  }
}

function showReasons(judged) {
  const findings = judged?.findings ?? [];
  $("reasons").hidden = !findings.length;
  $("reasons").dataset.tone = judged?.verdict === "review" ? "warn" : "bad";
  $("reasons").replaceChildren(...findings.map(({ reason, detail }) => element("li", {},
    element("strong", {}, sentence(reason ?? detail)),
    reason ? ` ${sentence(detail)}` : "")));
}

// A fact's value, and what explains it in smaller type.
function fact(id, value, unknown, more = "") {
  $(id).replaceChildren(value);
  $(id).classList.toggle("unknown", unknown);
  if (more) $(id).append(element("span", { className: "more" }, more));
}

// A viewpoint between two sides belongs to one of the three views; which one surprises people.
function viewWords({ view, viewpoint }) {
  return viewpoint && view && viewpoint !== view ? `counts as a ${view} view` : "";
}

function certaintyWords(score, { minScore }) {
  if (score === null) return "";
  if (minScore !== null && score < minScore) return `below ${Math.round(100 * minScore)} %: look at it yourself`;
  return "the chance that the viewpoint is right";
}

// Where round the car the camera stands, where the server measures it.
function showDirection({ azimuth = null, azimuth_error: error = null }) {
  $("direction-row").hidden = azimuth === null;
  if (azimuth === null) return;
  const more = error === null ? "" : `, two times in three within ±${Math.round(error)}°`;
  fact("direction", `${Math.round(azimuth)}°`, false, `where the camera stands: 0° at the front, 90° at the left side${more}`);
}

function showAngle({ pose: { angle, signed_angle: signed }, warnings }) {
  if (angle === null) {
    const why = warnings.find((w) => WHEEL_WARNINGS.has(w.code)) ?? warnings[0];
    fact("angle", "not measurable", true, why && sentence(why.detail));
    return;
  }
  fact("angle", `${angle.toFixed(1)}°`, false, angleWords(signed ?? angle));
  $("angle").append(angleDrawing(signed ?? angle));
}

function compassWords(pose, expected) {
  const wanted = expected.length ? `; expected: ${listed(expected, "or")}` : "";
  return `A car from above. ${seenFrom(pose)}${wanted}.`;
}

// Of the other cars in the picture, where the server answers them too.
function othersWords({ cars = [] }) {
  const seen = cars.slice(1).map(({ pose }) => pose?.viewpoint ?? pose?.view ?? "unknown side");
  return seen.length ? `Other cars, with dashed boxes: ${listed(seen, "and")}.` : "";
}
