// Whether a photo shows what is expected, told from the answer that is held: another
// expectation is no reason to send the photo again. The rule is carpose/compliance.py's.
import { VIEWPOINTS } from "./compass.js";

const TURNS = { 1: "an eighth of a turn", 2: "a quarter turn", 3: "three eighths of a turn", 4: "half a turn" };

// { verdict, reasons, findings } of an answer, or null where nothing is expected of it.
export function judge(answer, { expect, minScore }) {
  const others = (answer.compliance?.findings ?? []).filter(({ code }) => code !== "viewpoint");
  if (!expect.length && !answer.compliance) return null;
  const own = expect.length ? viewpointFindings(answer.pose, expect, minScore) : [];
  const findings = [...own, ...others];
  const refused = findings.some((finding) => finding.verdict !== "review");
  const verdict = refused ? "refused" : findings.length ? "review" : "accepted";
  return { verdict, findings, reasons: findings.map(({ reason, detail }) => reason ?? detail) };
}

function viewpointFindings({ viewpoint, viewpoint_score: score }, expect, minScore) {
  const wanted = expect.join(" or ");
  const finding = { code: "viewpoint", value: viewpoint };
  if (viewpoint === null) {
    return [{ ...finding, reason: `the viewpoint could not be told, expected ${wanted}`, detail: "take the photo again, with the whole car in it" }];
  }
  if (minScore !== null && score < minScore) {
    const reason = `not sure enough: ${viewpoint} with a certainty of ${Math.round(100 * score)} %, asked for ${Math.round(100 * minScore)} %`;
    return [{ code: "score", verdict: "review", value: score, limit: minScore, reason, detail: "look at it yourself" }];
  }
  if (expect.includes(viewpoint)) return [];
  return [{ ...finding, reason: `viewpoint is ${viewpoint}, expected ${wanted}`, detail: wayFrom(viewpoint, expect) }];
}

// What to do to get from one viewpoint to the nearest of those that are wanted.
export function wayFrom(viewpoint, wanted) {
  const [steps, goal] = wanted
    .map((other) => [distance(viewpoint, other), other])
    .sort(([a], [b]) => a - b)[0];
  return `walk ${TURNS[steps]} round the car to its ${goal.replace("-", " ")}`;
}

// Eighths of a turn between two viewpoints, 0 to 4.
export function distance(a, b) {
  const apart = Math.abs(VIEWPOINTS.indexOf(a) - VIEWPOINTS.indexOf(b));
  return Math.min(apart, VIEWPOINTS.length - apart);
}
