// One call of POST /v1/pose, and every way it can fail in words.

const WORDS = {
  "bad-image": "This file is not a picture that can be read.",
  "too-large": "This file is too large.",
  "too-many-pixels": "This picture has too many pixels.",
  "unsupported-type": "This kind of file is not read.",
  "bad-parameter": "The question was not understood.",
  "no-car": "No car was found in this picture.",
  "multiple-cars": "There is more than one car in this picture.",
  overloaded: "The server is busy with other photos.",
  "engine-unavailable": "This engine is not available.",
  "upstream-error": "The engine's service gave a broken answer.",
  timeout: "This took too long.",
  internal: "Something went wrong on the server.",
};
const TRIES = 4;

export class Refusal extends Error {
  constructor(code, detail, requestId) {
    super(WORDS[code] ?? "The server refused this photo.");
    this.code = code;
    this.detail = detail;
    this.requestId = requestId;
  }

  get words() {
    const id = this.code === "internal" && this.requestId ? ` Request id: ${this.requestId}.` : "";
    return `${this.message} ${this.detail ?? ""}${id}`.trim();
  }
}

export function path({ engine, expect, include }) {
  const query = new URLSearchParams({ engine, include });
  if (expect.length) query.set("expect", expect.join(","));
  return `/v1/pose?${query.toString().replaceAll("%2C", ",")}`;
}

export async function ask(file, question, onWait) {
  for (let tries = 1; ; tries++) {
    const form = new FormData();
    form.append("image", file, file.name || "photo");
    let response;
    try {
      response = await fetch(path(question), { method: "POST", body: form });
    } catch {
      throw new Refusal("offline", "The server cannot be reached. Check the connection and try again.");
    }
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    const code = (problem.type ?? "").split("#").pop();
    const wait = Number(response.headers.get("Retry-After"));
    if (code === "overloaded" && wait > 0 && tries < TRIES) {
      onWait(wait);
      await new Promise((done) => setTimeout(done, wait * 1000));
      continue;
    }
    throw new Refusal(code, problem.detail ?? `HTTP ${response.status}`, problem.request_id);
  }
}
