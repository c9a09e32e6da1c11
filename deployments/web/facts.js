// What an answer says of the car, and why a photo is accepted or not.
import { compass } from "./compass.js";
import { $, element } from "./dom.js";
import { listed, seenFrom, sentence } from "./messages.js";
import { judge } from "./verdict.js";

const WHEEL_WARNINGS = new Set(["no-wheels", "one-wheel", "coincident-wheels"]);

export class Facts {
  constructor() {
    this.showCompass = compass($("compass"));
  }

  show(answer, rules) {
    const { pose, warnings } = answer;
    const { expect } = rules;
    showReasons(judge(answer, rules));
    this.showCompass({ seen: pose.viewpoint, expected: expect, words: compassWords(pose, expect) });
    $("compass-legend").hidden = !expect.length;
    const place = pose.viewpoint ?? pose.view;
    fact("viewpoint", place ?? "unknown", place === null, viewWords(pose));
    const score = pose.viewpoint_score;
    fact("certainty", score === null ? "unknown" : `${Math.round(score * 100)} %`, score === null, certaintyWords(score, rules));
    showAngle(answer);
    const rest = warnings.filter((w) => pose.angle !== null || !WHEEL_WARNINGS.has(w.code));
    $("warnings").replaceChildren(...rest.map(({ detail }) => element("li", {}, sentence(detail))));
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

function showAngle({ pose: { angle, signed_angle: signed }, warnings }) {
  if (angle === null) {
    const why = warnings.find((w) => WHEEL_WARNINGS.has(w.code)) ?? warnings[0];
    fact("angle", "not measurable", true, why && sentence(why.detail));
    return;
  }
  const slope = signed > 0 ? "rises to the right" : "falls to the right";
  fact("angle", `${angle.toFixed(1)}°`, false, angle >= 0.05 && signed !== null ? slope : "level");
}

function compassWords(pose, expected) {
  const wanted = expected.length ? `; expected: ${listed(expected, "or")}` : "";
  return `A car from above. ${seenFrom(pose)}${wanted}.`;
}
