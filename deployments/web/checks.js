// The rules on a photo, told from its answer by the server's own table (carpose/checks.py).

// The findings of a set of rules, by { quality, pose } of an answer.
export function findingsOf({ quality, pose }, set, checks) {
  if (!set || !quality) return [];
  const measured = { ...quality, angle: pose.angle };
  return checks.filter(({ rule }) => isAsked(set[rule])).flatMap((check) => {
    const value = measured[check.of] ?? null;
    const limit = set[check.rule] === true ? check.limit : set[check.rule];
    if (value === null || !isBeyond(check, value, limit)) return [];
    const said = Array.isArray(value) ? value.join(" and ") : value;
    return { code: check.code, value: said, limit: limit ?? [], detail: filled(check.detail, check, said, limit) };
  });
}

// What a set of rules asks for, in words.
export function asksOf(set, checks) {
  const words = checks
    .filter(({ rule }) => isAsked(set[rule]))
    .map((check) => filled(check.asks, check, "", set[check.rule] === true ? check.limit : set[check.rule]));
  const least = set.min_score ?? null;
  if (least !== null) words.unshift(`a viewpoint that is sure to ${percent(least)}`);
  return [...new Set(words)];
}

const percent = (share) => `${Math.round(100 * share)} %`;

export function asksNothing(set, checks) {
  return !set || ((set.min_score ?? null) === null && !checks.some(({ rule }) => isAsked(set[rule])));
}

function isAsked(value) {
  return value !== undefined && value !== null && value !== false && !(Array.isArray(value) && !value.length);
}

function isBeyond({ beyond, words }, value, limit) {
  if (beyond === "any") return value.length > 0;
  if (beyond === "below") return value < limit;
  if (beyond === "above") return value > limit;
  const larger = words.slice(words.indexOf(value) + 1).some((word) => limit.includes(word));
  return !limit.includes(value) && larger === (beyond === "smaller");
}

function filled(sentence, { unit }, value, limit) {
  return sentence.replace("{value}", () => worded(value, unit)).replace("{limit}", () => worded(limit, unit));
}

function worded(value, unit) {
  if (Array.isArray(value)) return value.join(" or ");
  if (unit === "share") return percent(value);
  return unit === "degrees" ? String(Math.round(value)) : String(value);
}
