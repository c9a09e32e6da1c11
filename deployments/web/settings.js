// What is asked of the photos: in the address, so that a link carries it, and remembered.
import { VIEWPOINTS } from "./compass.js";
import { ENGINES } from "./engines.js";

const KEPT = "carpose.settings";
const NAMES = Object.keys(ENGINES);

export class Settings {
  constructor(onChange) {
    this.onChange = onChange;
    const inAddress = new URLSearchParams(location.search);
    const known = ["engine", "expect", "rules"].some((name) => inAddress.has(name));
    const given = known ? inAddress : new URLSearchParams(remembered());
    this.engine = NAMES.includes(given.get("engine")) ? given.get("engine") : NAMES[0];
    this.expect = ordered((given.get("expect") ?? "").split(","));
    this.rules = given.get("rules") ?? ""; // the name of a set
  }

  // `change` holds the new `engine`, `expect` and `rules`, or some of them.
  set(change) {
    Object.assign(this, change);
    this.expect = ordered(this.expect);
    const query = new URLSearchParams();
    if (this.engine !== NAMES[0]) query.set("engine", this.engine);
    if (this.rules) query.set("rules", this.rules);
    if (this.expect.length) query.set("expect", this.expect.join(","));
    const words = query.toString().replaceAll("%2C", ",");
    history.replaceState(null, "", words ? `?${words}` : location.pathname);
    remember(words);
    this.onChange(Object.keys(change));
  }
}

function ordered(viewpoints) {
  return VIEWPOINTS.filter((viewpoint) => viewpoints.includes(viewpoint));
}

// A browser may forbid a page to remember anything.
function remembered() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function remember(words) {
  try {
    localStorage.setItem(KEPT, words);
  } catch {
    // Then the address alone holds it.
  }
}
