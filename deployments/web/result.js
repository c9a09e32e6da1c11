// One photo's answer, or why there is none.
import { Comparison } from "./comparison.js";
import { $ } from "./dom.js";
import { Facts } from "./facts.js";
import { message, seenFrom, sentence } from "./messages.js";
import { Overlay } from "./overlay.js";
import { picture, turned } from "./pictures.js";
import { canTryAgain } from "./queue.js";
import { Switches } from "./switches.js";

export class Result {
  // `retry(photo)` asks for it again, `another()` lets choose a different file.
  constructor(retry, another) {
    this.overlay = new Overlay($("overlay"), (index) => this.switches.highlight(index));
    this.switches = new Switches(this.overlay, (index) => this.comparison.highlight(index));
    const other = new Overlay($("other-overlay"), (index) => {
      const main = this.comparison.mainPart(index);
      this.switches.highlight(main);
      if (main < 0) other.highlight(index);
    }, this.overlay.zoom);
    this.comparison = new Comparison(other);
    this.facts = new Facts();
    $("retry").addEventListener("click", () => retry(this.photo));
    $("another").addEventListener("click", another);
    const { zoom } = this.overlay;
    $("zoom-in").addEventListener("click", () => zoom.by(1.6));
    $("zoom-out").addEventListener("click", () => zoom.by(1 / 1.6));
    $("zoom-fit").addEventListener("click", () => zoom.reset());
    $("full").hidden = !document.fullscreenEnabled;
    $("full").addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else $("stage").requestFullscreen();
    });
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
    // A paid engine is not asked twice for one photo.
    $("other-cars-ask").hidden = photo?.body?.engine !== "detectron2" || Boolean(answer.cars) || !(answer.quality?.cars > 1);
    if (answer && answer !== this.shown) this.#showAnswer(photo);
    this.shown = answer;
    await this.#showPicture(photo);
  }

  async #showPicture(photo) {
    const upright = photo && (await picture(photo));
    if (photo !== this.photo) return; // another one was chosen while this one was decoded
    // What the server sent it has turned itself.
    const bitmap = photo?.decodes === false ? upright : turned(upright, photo?.answer?.image.turned);
    $("stage").hidden = !bitmap;
    if (!bitmap) return;
    this.overlay.show(bitmap, photo.answer ?? null, photo.off);
    $("overlay").setAttribute("aria-label", photo.answer ? describe(photo.answer) : "The photo");
    this.comparison.showPicture(photo?.body, bitmap);
  }

  #showAnswer({ answer, off }) {
    this.switches.show(answer, off);
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

function timingsOf({ timings_ms: stages, engine }) {
  const each = Object.entries(stages).map(([stage, ms]) => `${stage} ${Math.round(ms)} ms`);
  return [`Engine ${engine}`, ...each].join(" · ");
}
