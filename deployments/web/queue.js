// The photos and their states: waiting, asking, done, failed. At most two are asked at a time.
import { ask, Problem } from "./api.js";
import { mainAnswer } from "./comparison.js";
import { thumbnail } from "./pictures.js";

const AT_ONCE = 2;

export class Queue {
  // `settings()` gives { engine, expect }; `onChange(photo)` is called on every change of one.
  constructor(settings, onChange) {
    this.photos = [];
    this.running = 0;
    this.settings = settings;
    this.onChange = onChange;
    addEventListener("online", () => {
      for (const photo of this.photos) if (photo.problem?.code === "offline") this.again(photo);
    });
  }

  // Returns the new photos.
  add(files) {
    const added = [...files].map((file) => ({
      file,
      name: file.name || "Pasted photo",
      state: "waiting",
      off: new Set(), // parts switched off
    }));
    this.photos.push(...added);
    queueMicrotask(() => this.#next());
    return added;
  }

  again(photo) {
    photo.stop?.abort();
    photo.state = "waiting";
    photo.problem = null;
    this.onChange(photo);
    this.#next();
  }

  // Asks again what was asked otherwise before; `first` before all others.
  settingsChanged(first) {
    const { engine } = this.settings();
    const stale = this.photos.filter((photo) => photo.state !== "waiting");
    this.first = first;
    for (const photo of stale) {
      // Another engine's parts are other parts; another expectation changes the verdict alone.
      if (photo.question?.engine !== engine) {
        photo.answer = photo.body = null;
        photo.off.clear();
      }
      this.again(photo);
    }
  }

  clear() {
    for (const photo of this.photos) photo.stop?.abort();
    this.photos = [];
  }

  #next() {
    while (this.running < AT_ONCE) {
      const waiting = this.photos.filter((photo) => photo.state === "waiting");
      const photo = waiting.includes(this.first) ? this.first : waiting[0];
      if (!photo) return;
      this.#ask(photo);
    }
  }

  async #ask(photo) {
    this.running++;
    const stop = new AbortController();
    Object.assign(photo, { state: "asking", stop, wait: null });
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
    try {
      if (photo.thumb === undefined) {
        photo.thumb = await thumbnail(photo);
        this.onChange(photo);
      }
      // What this browser cannot show, a HEIC for example, the server draws.
      const include = [photo.thumb ? "masks" : "annotated"];
      const question = { ...this.settings(), include };
      photo.question = question;
      const body = await ask(photo.file, question, signal, (seconds) => {
        photo.wait = seconds;
        this.onChange(photo);
      });
      return { state: "done", body, answer: mainAnswer(body), problem: null };
    } catch (error) {
      if (!(error instanceof Problem || signal.aborted)) console.error(error);
      const problem = error instanceof Problem ? error : new Problem("unknown");
      return { state: "failed", body: null, answer: null, problem };
    }
  }
}
