// One call of POST /v1/pose: what is asked, again while the server is busy or wants a key, and
// what went wrong.
import { keyHeaders, otherKey } from "./key.js";

const TRIES = 5;
const LONGEST_WAIT_S = 30;
const ANSWER_MS = 120_000; // the server's own deadline is shorter; this is for a lost connection
const LARGE_BYTES = 4e6;

// What every failed call becomes; `code` is one of messages.js.
export class Problem extends Error {
  constructor(code, { detail = "", requestId = "" } = {}) {
    super(detail || code);
    Object.assign(this, { code, detail, requestId });
  }
}

// The page may be served below a prefix: addresses are relative to its own.
export function address({ engine, include = [], expect = [], rules = "", cars = "" }) {
  const url = new URL("v1/pose", document.baseURI);
  const query = [`engine=${engine}`];
  if (include.length) query.push(`include=${include.join(",")}`);
  if (cars) query.push(`cars=${cars}`);
  if (rules) query.push(`rules=${encodeURIComponent(rules)}`);
  if (expect.length) query.push(`expect=${expect.join(",")}`);
  return `${url.href}?${query.join("&")}`;
}

// The answer to a photo. Throws Problem, or AbortError when `signal` says so. `tell({ sent })` is
// called as the file goes up, a share of 1, and `tell({ wait })`, in seconds, before each pause
// of a busy server.
export async function ask(file, question, signal, tell) {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const headers = keyHeaders();
    const response = await post(file, question, headers, signal, tell);
    if (response.status === 200) return answerOf(response);
    if (response.status === 401 && (await otherKey(headers))) {
      tries -= 1; // a person's tries are not the server's
      continue;
    }
    const wait = response.status === 503 || response.status === 429 ? retryAfter(response) : null;
    if (wait === null || tries === TRIES) throw problemOf(response);
    tell({ wait });
    await pause(wait * 1000, signal);
    tell({ wait: null });
  }
}

// XMLHttpRequest, since fetch does not say how much of a file has been sent.
function post(file, question, headers, signal, tell) {
  const form = new FormData();
  form.append("image", file, file.name || "photo");
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const stop = () => request.abort();
    signal.addEventListener("abort", stop, { once: true });
    const settle = (how, value) => {
      signal.removeEventListener("abort", stop);
      how(value);
    };
    request.upload.onprogress = ({ loaded, total }) => tell({ sent: total ? loaded / total : 1 });
    request.upload.onload = () => tell({ sent: 1 });
    request.onload = () => settle(resolve, request);
    request.onabort = () => settle(reject, signal.reason);
    request.ontimeout = () => settle(reject, new Problem("timeout"));
    request.onerror = async () => {
      settle(reject, new Problem(navigator.onLine ? await whyUnreachable(file) : "offline"));
    };
    request.open("POST", address(question));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.timeout = ANSWER_MS;
    request.send(form);
  });
}

// A server that refuses a body before its end closes the connection, which a browser may report
// as a network failure: a server that still answers was reached.
async function whyUnreachable(file) {
  if (file.size < LARGE_BYTES) return "unreachable";
  const alive = await fetch(new URL("healthz", document.baseURI), { cache: "no-store" }).catch(() => null);
  return alive ? "cut-off" : "unreachable";
}

function answerOf({ responseText }) {
  try {
    return JSON.parse(responseText);
  } catch {
    throw new Problem("unknown", { detail: "the answer is not JSON" });
  }
}

function problemOf(response) {
  const problem = parsed(response.responseText);
  const code = /[a-z-]+$/.exec(problem?.type ?? "")?.[0];
  // A proxy in between answers in its own words.
  const guess = { 401: "unauthorized", 413: "too-large", 429: "rate-limited", 503: "overloaded", 504: "timeout" }[response.status];
  return new Problem(code ?? guess ?? "unknown", {
    detail: problem?.detail ?? `HTTP ${response.status}`,
    requestId: problem?.request_id ?? response.getResponseHeader("X-Request-ID") ?? "",
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Seconds that the server asks to wait, or null where it does not; the header holds either
// seconds or a date.
function retryAfter(response) {
  const header = response.getResponseHeader("Retry-After");
  if (!header) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(LONGEST_WAIT_S, Math.max(1, Math.ceil(seconds))) : null;
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
