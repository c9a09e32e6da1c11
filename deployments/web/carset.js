// What several photos of one car are together: which views are there, which photo of a view is
// the better one, in which order they stand. The rule is carpose/photo_set.py's.
import { VIEWPOINTS } from "./compass.js";
import { judge } from "./verdict.js";

// { missing, doubles, order } of photos that may have an `answer`: viewpoints of `asked.views` that
// are missing; { viewpoint, better, others } of photos; the best photo of each view. Of each photo
// all is asked but a viewpoint. `listing` is the order in which listings show the views.
export function setOf(photos, { views, ...asked }, listing) {
  const shown = new Map(VIEWPOINTS.map((viewpoint) => [viewpoint, []]));
  for (const photo of photos) {
    const viewpoint = photo.answer?.pose.viewpoint;
    if (viewpoint) shown.get(viewpoint).push({ photo, worth: worthOf(photo.answer, asked) });
  }
  for (const some of shown.values()) some.sort((a, b) => compare(b.worth, a.worth));
  const good = (viewpoint) => shown.get(viewpoint).some(({ photo, worth: [usable] }) =>
    usable && scoreOf(photo.answer) >= (asked.minScore ?? 0));
  const ranked = [...views, ...listing.filter((viewpoint) => !views.includes(viewpoint))];
  const photosOf = (viewpoint) => shown.get(viewpoint).map(({ photo }) => photo);
  return {
    missing: views.filter((viewpoint) => !good(viewpoint)),
    doubles: VIEWPOINTS.filter((viewpoint) => shown.get(viewpoint).length > 1).map((viewpoint) => {
      const [better, ...others] = photosOf(viewpoint);
      return { viewpoint, better, others };
    }),
    order: ranked.flatMap((viewpoint) => photosOf(viewpoint).slice(0, 1)),
  };
}

// The better of two photos of a view: not refused, whole, and by how sharp and sure it is.
function worthOf(answer, asked) {
  const usable = judge(answer, { ...asked, expect: [] })?.verdict !== "refused";
  const { whole = true, sharpness = 1 } = answer.quality ?? {};
  return [usable, whole, scoreOf(answer) * sharpness];
}

function scoreOf({ pose }) {
  return pose.viewpoint_score ?? 0;
}

function compare(a, b) {
  const at = a.findIndex((value, k) => value !== b[k]);
  return at < 0 ? 0 : Number(a[at]) - Number(b[at]);
}
