// A photo on the page: its file, how far it is, and what each engine answered.
import { mainAnswer } from "./comparison.js";

let made = 0;

export function newPhoto(file, name = file.name || "Pasted photo") {
  return {
    id: `${Date.now().toString(36)}-${++made}`,
    file,
    name,
    address: null, // where the file is to be fetched from, if it is not here yet
    at: Date.now() + made / 1e5, // when it came in, in ms; those of one moment keep their order
    state: "waiting", // waiting, asking, done, failed
    asked: null, // the engine that is being asked
    bodies: {}, // the server's whole answer, by engine
    body: null, // that of the chosen engine
    answer: null, // the one in it that is shown
    problem: null, // why there is none
    sent: 0, // share of the file that has been sent
    wait: null, // seconds that a busy server asked to wait
    thumb: null, // address of a small picture
    decodes: undefined, // whether this browser can decode the file, once that was tried
    cars: "", // "all" once the other cars are asked for too
    off: new Set(), // parts switched off
  };
}

// Shows what is held of `engine`, if anything is; both engines' comparison holds each one's.
export function hold(photo, engine) {
  const body = photo.bodies[engine] ?? photo.bodies.compare?.[engine]?.answer ?? null;
  if (body !== photo.body) photo.off = new Set();
  photo.body = body;
  photo.answer = body && mainAnswer(body);
  return body !== null;
}
