// Whether a photo shows what is expected, told from the answer that is held: another
// expectation is no reason to send the photo again. The rule is carpose/compliance.py's.
import { VIEWPOINTS } from "./compass.js";

const TURNS = ["", "an eighth of a turn", "a quarter turn", "three eighths of a turn", "half a turn"];
const OF_VIEWPOINT = ["viewpoint", "min-score"]; // findings that an unsure viewpoint makes unsure

// { verdict, reasons, findings } of an answer, or null where nothing is expected of it. A finding
// has a `detail` that says what to do, and a `reason` where that is another sentence.
export function judge(answer, { expect, minScore }) {
  const others = (answer.compliance?.findings ?? []).filter(({ code }) => !OF_VIEWPOINT.includes(code));
  if (!expect.length && !answer.compliance) return null;
  const own = expect.length ? viewpointFindings(answer.pose, expect, minScore) : [];
  const findings = [...own, ...others];
  const unsure = own.some(({ code }) => code === "min-score");
  const verdict = unsure && !others.length ? "review" : findings.length ? "refused" : "accepted";
  return { verdict, findings, reasons: findings.map(({ reason, detail }) => reason ?? detail) };
}

function viewpointFindings({ viewpoint, viewpoint_score: score }, expect, minScore) {
  const findings = [];
  const wanted = expect.join(" or ");
  if (viewpoint === null) {
    const detail = "the viewpoint could not be told: show more of the car";
    findings.push({ code: "viewpoint", value: null, detail, reason: `the viewpoint could not be told, expected ${wanted}` });
  } else if (!expect.includes(viewpoint)) {
    const reason = `viewpoint is ${viewpoint}, expected ${wanted}`;
    findings.push({ code: "viewpoint", value: viewpoint, detail: wayFrom(viewpoint, expect), reason });
  }
  if (score !== null && minScore !== null && score < minScore) {
    const detail = `not sure enough (${score.toFixed(2)}, asked for ${minScore.toFixed(2)}): look at it yourself`;
    findings.push({ code: "min-score", value: score, detail });
  }
  return findings;
}

// What to do to get from one viewpoint to the nearest of those that are wanted.
export function wayFrom(viewpoint, wanted) {
  const [steps, goal] = wanted
    .map((other) => [distance(viewpoint, other), other])
    .sort(([a], [b]) => a - b)[0];
  return `walk ${TURNS[steps]} round the car, to its ${placeOf(goal)}`;
}

function placeOf(viewpoint) {
  const words = viewpoint.replace("-", " ");
  if (viewpoint.includes("-")) return `${words} corner`;
  return viewpoint === "front" || viewpoint === "back" ? words : `${words} side`;
}

// Eighths of a turn between two viewpoints, 0 to 4.
export function distance(a, b) {
  const apart = Math.abs(VIEWPOINTS.indexOf(a) - VIEWPOINTS.indexOf(b));
  return Math.min(apart, VIEWPOINTS.length - apart);
}
