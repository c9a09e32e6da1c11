// How far the photos are: in the list, in the window's title, and once, at the end, aloud.
import { $ } from "./dom.js";
import { countsOf, countWords, summaryOf } from "./summary.js";

const TITLE = document.title;

export class Progress {
  constructor() {
    this.busy = false;
  }

  show(photos, rules) {
    const counts = countsOf(photos, rules);
    const done = photos.length - counts.waiting;
    const busy = counts.waiting > 0;
    if (busy && !this.busy) Object.assign(this, { began: performance.now(), before: done });
    $("progress").hidden = !busy || photos.length < 2;
    $("progress-bar").max = photos.length;
    $("progress-bar").value = done;
    $("progress-words").textContent = `${done} of ${photos.length}${this.#left(done, counts.waiting)}`;
    document.title = titleOf(photos, rules, done);
    if (this.busy && !busy && photos.length) this.announce(photos, rules, counts);
    this.busy = busy;
  }

  // For those who do not see the page: one sentence with what came out, and why.
  announce(photos, rules, counts = countsOf(photos, rules)) {
    if (!photos.length) return;
    const { words, viewpoint, reason } = summaryOf(photos[0], rules);
    $("status").textContent = photos.length > 1
      ? `All ${photos.length} photos are done: ${countWords(counts)}.`
      : [`${photos[0].name}: ${[words, viewpoint].filter(Boolean).join(", ")}.`, reason].filter(Boolean).join(" ");
  }

  #left(done, waiting) {
    const fresh = done - this.before;
    if (!this.busy || fresh < 3) return "";
    const seconds = ((performance.now() - this.began) / 1000 / fresh) * waiting;
    return seconds < 90 ? ` · about ${Math.ceil(seconds)} s left` : ` · about ${Math.round(seconds / 60)} min left`;
  }
}

function titleOf(photos, rules, done) {
  if (!photos.length) return TITLE;
  if (done < photos.length) return `${done} of ${photos.length} · carpose`;
  if (photos.length > 1) return `${photos.length} photos done · carpose`;
  const { words, viewpoint } = summaryOf(photos[0], rules);
  return `${[words, viewpoint].filter(Boolean).join(", ")} · carpose`;
}
