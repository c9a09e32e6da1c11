// One photo's answer, or why there is none.
import { curlCommand } from "./api.js";
import { Comparison } from "./comparison.js";
import { compass } from "./compass.js";
import { copies } from "./copy.js";
import { $, element } from "./dom.js";
import { listed, message, seenFrom } from "./messages.js";
import { Overlay } from "./overlay.js";
import { picture } from "./pictures.js";
import { stateOf } from "./strip.js";
import { Switches } from "./switches.js";

const WHEEL_WARNINGS = new Set(["no-wheels", "one-wheel", "coincident-wheels"]);

export class Result {
  constructor(onRetry) {
    this.overlay = new Overlay($("overlay"), (index) => this.switches.highlight(index));
    this.switches = new Switches(this.overlay);
    this.comparison = new Comparison(new Overlay($("other-overlay"), () => {}));
    this.showCompass = compass($("compass"));
    $("retry").addEventListener("click", () => onRetry(this.photo));
    copies($("copy-json"), () => JSON.stringify(this.photo.body, null, 2), $("json"));
    copies($("copy-curl"), () => $("curl").textContent, $("curl"));
  }

  // Shows `photo`, or nothing (null).
  async show(photo) {
    this.photo = photo;
    const { answer, problem } = photo ?? {};
    this.comparison.show(photo?.body);
    $("status").textContent = photo ? statusOf(photo) : "";
    $("board").setAttribute("aria-busy", String(photo?.state === "asking"));
    $("problem").hidden = !problem;
    $("facts").hidden = !answer;
    if (problem) showProblem(problem);
    if (answer && answer !== this.shown) this.#showFacts(photo);
    this.shown = answer;
    await this.#showPicture(photo);
  }

  async #showPicture(photo) {
    const bitmap = photo && photo.thumb !== null && (await picture(photo));
    if (photo !== this.photo) return; // another one was chosen while this one was decoded
    const drawn = photo?.answer?.images?.annotated;
    $("stage").hidden = !bitmap && !drawn;
    $("overlay").hidden = !bitmap;
    $("drawn").hidden = Boolean(bitmap) || !drawn;
    const words = photo?.answer ? describe(photo.answer) : "The photo";
    if (bitmap) {
      this.overlay.show(bitmap, photo.answer ?? null, photo.off);
      $("overlay").setAttribute("aria-label", words);
    } else if (drawn) {
      $("drawn").src = drawn;
      $("drawn").alt = words;
    }
    this.comparison.showPicture(photo?.body, bitmap);
  }

  #showFacts({ file, body, answer, question, off, thumb }) {
    const { pose, warnings } = answer;
    const expected = answer.compliance ? question.expect : [];
    $("seen").textContent = seenFrom(pose);
    showVerdict(answer.compliance);
    this.showCompass({ seen: pose.viewpoint, expected, words: compassWords(pose, expected) });
    $("compass-legend").hidden = !expected.length;
    fact("view", pose.view ?? "unknown", pose.view === null);
    fact("viewpoint", pose.viewpoint ?? "unknown", pose.viewpoint === null, scoreOf(pose));
    showAngle(answer);
    const rest = warnings.filter((w) => pose.angle !== null || !WHEEL_WARNINGS.has(w.code));
    $("warnings").replaceChildren(...rest.map(({ detail }) => element("li", {}, sentence(detail))));
    this.switches.show(answer, off, thumb !== null);
    $("json").textContent = JSON.stringify(body, shortened, 2);
    $("curl").textContent = curlCommand(file, question);
    $("timings").textContent = timingsOf(answer);
  }
}

function statusOf(photo) {
  const [words] = stateOf(photo);
  return `${photo.name}: ${words}`;
}

function showProblem({ code, detail, requestId }) {
  const { title, advice } = message(code);
  $("problem-title").textContent = title;
  $("problem-advice").textContent = advice;
  $("problem-detail").textContent = detail && sentence(detail);
  $("problem-request").textContent = requestId && `Request id: ${requestId}`;
}

function showVerdict(compliance) {
  $("verdict").hidden = $("reasons").hidden = !compliance;
  if (!compliance) return;
  $("verdict").textContent = compliance.accepted ? "Accepted" : "Refused";
  $("verdict").dataset.tone = compliance.accepted ? "good" : "bad";
  $("reasons").hidden = !compliance.reasons.length;
  $("reasons").replaceChildren(...compliance.reasons.map((r) => element("li", {}, sentence(r))));
}

// A fact's value, and what explains it in smaller type.
function fact(id, value, unknown, more = "") {
  $(id).replaceChildren(value);
  $(id).classList.toggle("unknown", unknown);
  if (more) $(id).append(element("span", { className: "more" }, more));
}

function scoreOf({ viewpoint_score: score }) {
  return score === null ? "" : `${Math.round(score * 100)} % sure`;
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

function describe({ pose, parts }) {
  return `The photo with ${parts.length} parts of the car marked. ${seenFrom(pose)}.`;
}

// Masks and pictures are long and mean nothing to a reader; the copy has them in full.
function shortened(key, value) {
  const long = typeof value === "string" && value.length > 120;
  return long ? `${value.slice(0, 24)}… (${value.length} characters)` : value;
}

function timingsOf({ timings_ms: stages, engine }) {
  const each = Object.entries(stages).map(([stage, ms]) => `${stage} ${Math.round(ms)} ms`);
  return [`Engine ${engine}`, ...each].join(" · ");
}

function sentence(words) {
  const whole = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
