// One call of POST /v1/pose: what is asked, again while the server is busy, and what went wrong.

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

// The page may be served below a prefix: addresses are relative to this module's.
export function address({ engine, include, expect }) {
  const url = new URL("../v1/pose", import.meta.url);
  const query = [`engine=${engine}`, `include=${include.join(",")}`];
  if (expect.length) query.push(`expect=${expect.join(",")}`);
  return `${url.href}?${query.join("&")}`;
}

// The same call for a terminal; a file's name may hold anything, quotes too.
export function curlCommand(file, question) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const name = (file.name || "photo.jpg").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `curl -F ${quoted(`image=@"${name}"`)} \\\n  ${quoted(address(question))}`;
}

// The answer to a photo. Throws Problem, or AbortError when `signal` says so.
// `onWait(seconds)` is called before each pause of a busy server.
export async function ask(file, question, signal, onWait) {
  await checkReadable(file);
  signal.throwIfAborted();
  for (let tries = 1; ; tries++) {
    const response = await post(file, question, signal);
    if (response.ok) return answerOf(response);
    const wait = response.status === 503 ? retryAfter(response) : null;
    if (wait === null || tries === TRIES) throw await problemOf(response);
    onWait(wait);
    await pause(wait * 1000, signal);
  }
}

// A dropped folder looks like a file until it is read, and fetch would call that a lost network.
async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem("unreadable");
  }
}

async function post(file, question, signal) {
  const form = new FormData();
  form.append("image", file, file.name || "photo");
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ANSWER_MS);
  const stop = () => late.abort();
  signal.addEventListener("abort", stop);
  try {
    return await fetch(address(question), { method: "POST", body: form, signal: late.signal });
  } catch {
    signal.throwIfAborted();
    if (late.signal.aborted) throw new Problem("timeout");
    if (!navigator.onLine) throw new Problem("offline");
    throw new Problem(await whyUnreachable(file));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

// A server that refuses a body before its end closes the connection, which a browser may report
// as a network failure: a server that still answers was reached.
async function whyUnreachable(file) {
  if (file.size < LARGE_BYTES) return "unreachable";
  const alive = await fetch(new URL("favicon.svg", import.meta.url), { cache: "no-store" }).catch(() => null);
  return alive ? "cut-off" : "unreachable";
}

async function answerOf(response) {
  try {
    return await response.json();
  } catch {
    throw new Problem("unknown", { detail: "the answer is not JSON" });
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => null);
  const code = /[a-z-]+$/.exec(problem?.type ?? "")?.[0];
  // A proxy in between answers in its own words.
  const guess = { 413: "too-large", 503: "overloaded", 504: "timeout" }[response.status];
  return new Problem(code ?? guess ?? "unknown", {
    detail: problem?.detail ?? `HTTP ${response.status}`,
    requestId: problem?.request_id ?? response.headers.get("X-Request-ID") ?? "",
  });
}

// Seconds that the server asks to wait, or null where it does not; the header holds either
// seconds or a date.
function retryAfter(response) {
  const header = response.headers.get("Retry-After");
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
