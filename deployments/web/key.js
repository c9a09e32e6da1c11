// The API key, where this server wants one: asked for once, kept by this tab, sent with every
// call.
import { $ } from "./dom.js";

const KEPT = "carposeKey";

let key = remembered();
let asking = null; // one question at a time, whoever waits for the answer
let declined = false; // a no is not asked again until the person tries again

const listeners = [];

// `work` is called whenever a key has been given.
export function onKey(work) {
  listeners.push(work);
}

// The headers of a call to the server.
export function keyHeaders() {
  return key ? { "X-API-Key": key } : {};
}

export function hasKey() {
  return Boolean(key);
}

// After a refusal of a call with these headers: whether there is another key to try.
export async function otherKey(headers) {
  if (key !== (headers["X-API-Key"] ?? "")) return true;
  if (declined) return false;
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

// The person wants to go on: a no that was said before is forgotten.
export function askKeyAgain() {
  declined = false;
}

async function ask() {
  const dialog = $("key");
  $("key-problem").textContent = key ? "The server does not take this key." : "";
  $("key-field").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  const given = $("key-field").value.trim();
  $("key-field").value = "";
  declined = dialog.returnValue !== "yes" || !given;
  if (declined) return false;
  key = given;
  try {
    sessionStorage[KEPT] = key;
  } catch {
    // Then it is asked for again after a reload.
  }
  for (const work of listeners) work();
  return true;
}

function remembered() {
  try {
    return sessionStorage[KEPT] ?? "";
  } catch {
    return "";
  }
}
