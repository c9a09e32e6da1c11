// The list of photos: a thumbnail, a name and a state in words for each.
import { element } from "./dom.js";
import { message } from "./messages.js";

// [words, tone] of a photo's state; tones are good, bad and busy.
export function stateOf({ state, answer, problem, wait }) {
  if (state === "waiting") return ["Waiting", "busy"];
  if (state === "asking") return [wait ? `Server busy, trying again in ${wait} s` : "Looking…", "busy"];
  if (state === "failed") return [message(problem.code).title, "bad"];
  const seen = answer.pose.viewpoint ?? answer.pose.view ?? "viewpoint unknown";
  if (!answer.compliance) return [seen, ""];
  return answer.compliance.accepted ? [`Accepted: ${seen}`, "good"] : [`Refused: ${seen}`, "bad"];
}

export class Strip {
  constructor(list, onChoose) {
    this.list = list;
    this.onChoose = onChoose;
    this.items = new Map();
  }

  add(photo) {
    const thumb = element("span", { className: "thumb" });
    const state = element("span", { className: "state" });
    const name = element("span", { className: "name" }, photo.name);
    const button = element("button", { type: "button", title: photo.name }, thumb,
      element("span", { className: "words" }, name, state));
    button.addEventListener("click", () => this.onChoose(photo));
    this.items.set(photo, { button, thumb, state });
    this.list.append(element("li", {}, button));
    this.update(photo);
  }

  update(photo) {
    const item = this.items.get(photo);
    if (!item) return;
    const [words, tone] = stateOf(photo);
    item.state.textContent = words;
    item.state.dataset.tone = tone;
    if (photo.thumb && !item.thumb.firstChild) item.thumb.append(photo.thumb);
  }

  choose(photo) {
    for (const [other, { button }] of this.items) {
      if (other === photo) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    this.items.get(photo)?.button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  clear() {
    this.items.clear();
    this.list.replaceChildren();
  }
}
