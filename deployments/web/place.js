// Where a person is among the photos, kept by this tab over a reload.

const KEPT = "carposePlace";

// { chosen, kind, by, down, wide }: the id of the photo that is shown, and how the list is.
export const place = { chosen: null, kind: null, by: "added", down: false, wide: false, ...remembered() };

export function goTo(change) {
  Object.assign(place, change);
  try {
    sessionStorage[KEPT] = JSON.stringify(place);
  } catch {
    // Then a reload begins at the first photo.
  }
}

function remembered() {
  try {
    return JSON.parse(sessionStorage[KEPT] ?? "{}");
  } catch {
    return {};
  }
}
