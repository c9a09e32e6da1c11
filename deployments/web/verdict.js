// Whether a photo is what is asked for, told from the answer that is held: another question is no
// reason to send the photo again. The rule is carpose/compliance.py's.
import { asksNothing, findingsOf } from "./checks.js";
import { VIEWPOINTS } from "./compass.js";
import { plain } from "./messages.js";

const TURNS = ["", "an eighth of a turn", "a quarter turn", "three eighths of a turn", "half a turn"];

// { verdict, reasons, findings } of an answer, or null where nothing is asked of it. A finding
// has a `detail` that says what to do, and a `reason` where that is another sentence. What is
// asked is rules.js's.
export function judge(answer, { expect, minScore, set = null, checks = [] }) {
  if (!expect.length && asksNothing(set, checks)) return null;
  const own = [...viewpointFindings(answer.pose, expect), ...scoreFindings(answer.pose, expect, minScore, set)];
  const others = findingsOf(answer, set, checks);
  const findings = [...own, ...others];
  const unsure = own.some(({ code }) => code === "min-score");
  const verdict = unsure && !others.length ? "review" : findings.length ? "refused" : "accepted";
  return { verdict, findings, reasons: findings.map(({ reason, detail }) => reason ?? detail) };
}

function viewpointFindings({ viewpoint }, expect) {
  if (!expect.length || expect.includes(viewpoint)) return [];
  const wanted = expect.join(" or ");
  const finding = { code: "viewpoint", value: viewpoint, limit: expect };
  if (viewpoint === null) {
    const detail = "the viewpoint could not be told: show more of the car";
    return [{ ...finding, detail, reason: `the viewpoint could not be told, expected ${wanted}` }];
  }
  return [{ ...finding, detail: wayFrom(viewpoint, expect), reason: `viewpoint is ${viewpoint}, expected ${wanted}` }];
}

function scoreFindings({ viewpoint_score: score }, expect, minScore, set) {
  if (!expect.length && (set?.min_score ?? null) === null) return [];
  if (score === null || minScore === null || score >= minScore) return [];
  const [has, wants] = [score, minScore].map((value) => (Math.round(100 * value) / 100).toFixed(2));
  const detail = `not sure enough (${has}, asked for ${wants}): look at it yourself`;
  return [{ code: "min-score", value: score, limit: minScore, detail }];
}

// What to do to get from one viewpoint to the nearest of those that are wanted.
export function wayFrom(viewpoint, wanted) {
  const [steps, goal] = wanted
    .map((other) => [distance(viewpoint, other), other])
    .sort(([a], [b]) => a - b)[0];
  return `walk ${TURNS[steps]} round the car, to its ${placeOf(goal)}`;
}

function placeOf(viewpoint) {
  const words = plain(viewpoint);
  if (viewpoint.includes("-")) return `${words} corner`;
  return viewpoint === "front" || viewpoint === "back" ? words : `${words} side`;
}

// Eighths of a turn between two viewpoints, 0 to 4.
export function distance(a, b) {
  const apart = Math.abs(VIEWPOINTS.indexOf(a) - VIEWPOINTS.indexOf(b));
  return Math.min(apart, VIEWPOINTS.length - apart);
}
