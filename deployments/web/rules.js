// The rules of this server: its named sets, and how each rule is told from an answer.
import { VIEWPOINTS } from "./compass.js";
import { told } from "./told.js";

// As GET /v1/rules says it; until then nothing is known, and nothing is asked.
export const book = { sets: {}, checks: [], min_score: null, listing_order: VIEWPOINTS };

// Fills `book`; rejects never.
export async function readRules() {
  Object.assign(book, await told("v1/rules")); // null assigns nothing
}

// What is asked: { expect, views, minScore, set, checks, said }. Any of `expect` does for a photo,
// a set's own where no others are chosen; all of `views` must be among the photos of a car, every
// view where the set names none; `said` is how the server is asked the same.
export function asked({ rules, expect }) {
  const set = book.sets[rules] ?? null;
  return {
    expect: expect.length ? expect : viewsOf(rules),
    views: set?.views?.length ? set.views : book.listing_order,
    minScore: set?.min_score ?? book.min_score,
    set,
    checks: book.checks,
    said: { expect, rules: set ? rules : "" },
  };
}

export function viewsOf(rules) {
  return book.sets[rules]?.expect ?? [];
}
