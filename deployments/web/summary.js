// A photo in one line: what the list, the announcements and the exports say of it.
import { message, sentence } from "./messages.js";
import { judge } from "./verdict.js";

// What a photo can be, in the order in which the filters stand.
export const KINDS = {
  waiting: { words: "Waiting", tone: "busy" },
  accepted: { words: "Accepted", tone: "good" },
  review: { words: "To review", tone: "warn" },
  refused: { words: "Refused", tone: "bad" },
  seen: { words: "Answered", tone: "" },
  "no-car": { words: "No car", tone: "bad" },
  error: { words: "Errors", tone: "bad" },
};

// { kind, words, tone, viewpoint, score, angle, reason, findings }; what is not known is null.
export function summaryOf(photo, rules) {
  const { state, answer, problem } = photo;
  if (state === "waiting") return line("waiting", "Waiting");
  if (state === "asking") return line("waiting", busyWords(photo));
  if (state === "failed") {
    const kind = problem.code === "no-car" ? "no-car" : "error";
    const { title, advice } = message(problem.code);
    return line(kind, title, { reason: advice });
  }
  const { viewpoint, view, viewpoint_score: score, angle } = answer.pose;
  const seen = { viewpoint: viewpoint ?? view, score, angle };
  const judged = judge(answer, rules);
  if (!judged) return line("seen", seen.viewpoint ? "Answered" : "Viewpoint unknown", seen);
  const reason = judged.reasons.map(sentence).join(" ");
  return line(judged.verdict, VERDICTS[judged.verdict], { ...seen, reason, findings: judged.findings });
}

const VERDICTS = { accepted: "Accepted", review: "To review", refused: "Refused" };

function line(kind, words, more = {}) {
  const { tone } = KINDS[kind];
  return { kind, words, tone, viewpoint: null, score: null, angle: null, reason: "", findings: [], ...more };
}

function busyWords({ wait, sent, file }) {
  if (wait) return `Server busy, trying again in ${wait} s`;
  return sent < 1 && file.size > 500_000 ? `Sending, ${Math.round(sent * 100)} %` : "Looking…";
}

// The photos of each kind, counted.
export function countsOf(photos, rules) {
  const counts = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, 0]));
  for (const photo of photos) counts[summaryOf(photo, rules).kind]++;
  return counts;
}

// "90 accepted, 10 refused": every kind that there is.
export function countWords(counts) {
  const names = { ...Object.fromEntries(Object.entries(KINDS).map(([kind, { words }]) => [kind, words.toLowerCase()])), "no-car": "without a car", error: "with an error" };
  return Object.entries(counts).filter(([, n]) => n).map(([kind, n]) => `${n} ${names[kind]}`).join(", ");
}
