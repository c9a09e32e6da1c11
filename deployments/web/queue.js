// The photos and their way to the server: at most two are asked at a time.
import { ask, Problem } from "./api.js";
import { hold } from "./photo.js";
import { thumbnail } from "./pictures.js";

const AT_ONCE = 2;

export class Queue {
  // `engine()` names the engine to ask; `onChange(photo)` is called on every change of one.
  constructor(engine, onChange) {
    this.photos = [];
    this.running = 0;
    this.engine = engine;
    this.onChange = onChange;
    addEventListener("online", () => {
      for (const photo of this.photos) if (photo.problem?.code === "offline") this.again(photo);
    });
  }

  add(photos) {
    this.photos.push(...photos);
    queueMicrotask(() => this.#next());
  }

  again(photo) {
    photo.stop?.abort();
    Object.assign(photo, { state: "waiting", problem: null, sent: 0 });
    this.onChange(photo);
    this.#next();
  }

  retryFailed() {
    for (const photo of this.photos) if (canTryAgain(photo)) this.again(photo);
  }

  // Another engine: what it has answered before is shown again, the rest is asked; `first`
  // before all others.
  engineChanged(first) {
    this.first = first;
    for (const photo of this.photos) {
      if (hold(photo, this.engine())) {
        photo.stop?.abort();
        Object.assign(photo, { state: "done", problem: null, stop: null });
        this.onChange(photo);
      } else if (photo.state !== "waiting") {
        this.again(photo);
      }
    }
  }

  remove(photo) {
    photo.stop?.abort();
    this.photos = this.photos.filter((other) => other !== photo);
  }

  clear() {
    for (const photo of this.photos) photo.stop?.abort();
    this.photos = [];
  }

  #next() {
    while (this.running < AT_ONCE) {
      const waits = (photo) => photo?.state === "waiting";
      const photo = waits(this.first) ? this.first : this.photos.find(waits);
      if (!photo) return;
      this.#ask(photo);
    }
  }

  async #ask(photo) {
    this.running++;
    const stop = new AbortController();
    Object.assign(photo, { state: "asking", stop, wait: null, sent: 0 });
    this.onChange(photo);
    const outcome = await this.#outcome(photo, stop.signal);
    this.running--;
    // Where the question changed meanwhile, the photo is another call's by now.
    if (photo.stop === stop && !stop.signal.aborted) {
      Object.assign(photo, outcome, { stop: null });
      this.onChange(photo);
    }
    this.#next();
  }

  async #outcome(photo, signal) {
    const engine = this.engine();
    try {
      if (photo.thumb === undefined) {
        photo.thumb = await thumbnail(photo);
        this.onChange(photo);
      }
      // What this browser cannot show, a HEIC for example, the server draws.
      const include = [photo.thumb ? "masks" : "annotated"];
      const tell = (news) => {
        Object.assign(photo, news);
        this.onChange(photo);
      };
      photo.bodies[engine] = await ask(photo.file, { engine, include, expect: [] }, signal, tell);
      hold(photo, engine);
      return { state: "done", problem: null };
    } catch (error) {
      if (!(error instanceof Problem || signal.aborted)) console.error(error);
      const problem = error instanceof Problem ? error : new Problem("unknown");
      return { state: "failed", body: null, answer: null, problem };
    }
  }
}

const FINAL = new Set(["bad-image", "no-car", "too-large", "too-many-pixels", "unsupported-type", "multiple-cars"]);

// Whether asking again for the same file may end otherwise.
export function canTryAgain({ problem }) {
  return Boolean(problem) && !FINAL.has(problem.code);
}
