// A photo on the page: its file, how far it is, and what each engine answered.
import { mainAnswer } from "./comparison.js";

let made = 0;

export function newPhoto(file, name = file.name || "Pasted photo") {
  return {
    id: `${Date.now().toString(36)}-${++made}`,
    file,
    name,
    state: "waiting", // waiting, asking, done, failed
    bodies: {}, // the server's whole answer, by engine
    body: null, // that of the chosen engine
    answer: null, // the one in it that is shown
    problem: null, // why there is none
    sent: 0, // share of the file that has been sent
    wait: null, // seconds that a busy server asked to wait
    thumb: undefined, // address of a small picture; null where nothing here can show the file
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
