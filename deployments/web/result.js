// One photo's answer, or why there is none.
import { curlCommand } from "./api.js";
import { Comparison } from "./comparison.js";
import { copies } from "./copy.js";
import { $ } from "./dom.js";
import { Facts } from "./facts.js";
import { message, seenFrom, sentence } from "./messages.js";
import { Overlay } from "./overlay.js";
import { picture } from "./pictures.js";
import { canTryAgain } from "./queue.js";
import { Switches } from "./switches.js";

export class Result {
  // `retry(photo)` asks for it again, `another()` lets choose a different file.
  constructor(retry, another) {
    this.overlay = new Overlay($("overlay"), (index) => this.switches.highlight(index));
    this.switches = new Switches(this.overlay);
    this.comparison = new Comparison(new Overlay($("other-overlay"), () => {}));
    this.facts = new Facts();
    $("retry").addEventListener("click", () => retry(this.photo));
    $("another").addEventListener("click", another);
    copies($("copy-json"), () => JSON.stringify(this.photo.body, null, 2), $("json"));
    copies($("copy-curl"), () => $("curl").textContent, $("curl"));
  }

  // Shows `photo`, or nothing (null), judged by `rules`.
  async show(photo, rules) {
    this.photo = photo;
    const { answer, problem } = photo ?? {};
    this.comparison.show(photo?.body);
    $("board").setAttribute("aria-busy", String(photo?.state === "asking"));
    $("problem").hidden = !problem;
    $("facts").hidden = !answer;
    if (problem) showProblem(photo);
    if (answer) this.facts.show(answer, rules);
    if (answer && answer !== this.shown) this.#showAnswer(photo);
    if (answer) $("curl").textContent = curlCommand(photo.file, { engine: photo.body.engine, include: ["masks"], expect: rules.expect });
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

  #showAnswer({ body, answer, off, thumb }) {
    this.switches.show(answer, off, thumb !== null);
    $("json").textContent = JSON.stringify(body, shortened, 2);
    $("timings").textContent = timingsOf(answer);
  }
}

function showProblem(photo) {
  const { code, detail, requestId } = photo.problem;
  const { title, advice } = message(code);
  $("problem-title").textContent = title;
  $("problem-advice").textContent = advice;
  $("problem-detail").textContent = detail && sentence(detail);
  $("problem-request").textContent = requestId && `Request id: ${requestId}`;
  $("retry").hidden = !canTryAgain(photo);
  $("another").hidden = canTryAgain(photo);
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
