// The photos and their way to the server: at most two are asked at a time.
import { ask, Problem } from "./api.js";
import { checkFile, checkPixels } from "./check.js";
import { fetched } from "./fetched.js";
import { readLimits } from "./limits.js";
import { hold } from "./photo.js";
import { readPicture } from "./pictures.js";

const AT_ONCE = 2;

export class Queue {
  // `engine()` names the engine to ask; `onChange(photo)` is called on every change of one.
  constructor(engine, onChange) {
    this.photos = [];
    this.running = 0;
    this.paused = false;
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
      } else if (photo.state === "asking" && photo.asked === this.engine()) {
        // It was sent since the choice.
        continue;
      } else if (photo.state !== "waiting" && !photo.problem?.local) {
        this.again(photo);
      }
    }
  }

  // The photos that would be sent to the chosen engine.
  toSend() {
    const engine = this.engine();
    const held = ({ bodies }) => bodies[engine] ?? bodies.compare?.[engine]?.answer;
    return this.photos.filter((photo) => !held(photo) && !photo.problem?.local);
  }

  remove(photo) {
    photo.stop?.abort();
    this.photos = this.photos.filter((other) => other !== photo);
  }

  clear() {
    for (const photo of this.photos) photo.stop?.abort();
    this.photos = [];
  }

  pause() {
    this.paused = true;
  }

  goOn() {
    this.paused = false;
    this.#next();
  }

  #next() {
    while (this.running < AT_ONCE && !this.paused) {
      const waits = (photo) => photo?.state === "waiting";
      const photo = waits(this.first) ? this.first : this.photos.find(waits);
      if (!photo) return;
      this.#ask(photo);
    }
  }

  async #ask(photo) {
    this.running++;
    const stop = new AbortController();
    Object.assign(photo, { state: "asking", asked: this.engine(), stop, wait: null, sent: 0 });
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
      await readLimits();
      if (photo.address && !photo.file.size) photo.file = await fetched(photo.address);
      await checkFile(photo.file);
      if (photo.decodes === undefined) {
        await readPicture(photo);
        this.onChange(photo);
      }
      if (photo.pixels) checkPixels(...photo.pixels);
      // What this browser cannot decode, a HEIC for example, comes back as it can.
      const include = photo.decodes ? ["masks"] : ["masks", "upright"];
      const tell = (news) => {
        Object.assign(photo, news);
        this.onChange(photo);
      };
      photo.bodies[engine] = await ask(photo.file, { engine, include, cars: photo.cars }, signal, tell);
      hold(photo, engine);
      if (!photo.thumb) await readPicture(photo);
      return { state: "done", problem: null };
    } catch (error) {
      if (!(error instanceof Problem || signal.aborted)) console.error(error);
      if (hold(photo, engine)) return { state: "done", problem: null }; // it was asked for more
      const problem = error instanceof Problem ? error : new Problem("unknown");
      return { state: "failed", body: null, answer: null, problem };
    }
  }
}

const FINAL = new Set(["bad-image", "no-car", "too-large", "too-many-pixels", "unsupported-type", "multiple-cars", "not-fetched"]);

// Whether asking again for the same file may end otherwise.
export function canTryAgain({ problem }) {
  return Boolean(problem) && !FINAL.has(problem.code);
}
