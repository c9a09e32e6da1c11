// The chosen photo's verdict, always in sight, and the way to the photos before and after it.
import { $ } from "./dom.js";
import { seenFrom } from "./messages.js";

export class Bar {
  // `step(by)` goes to another photo; `remove()` removes this one.
  constructor(step, remove) {
    $("previous").addEventListener("click", () => step(-1));
    $("next").addEventListener("click", () => step(1));
    $("remove").addEventListener("click", remove);
  }

  // `place` is { at, of } in the list, `at` -1 where a filter hides the photo.
  show(photo, summary, place) {
    $("bar").hidden = !photo;
    if (!photo) return;
    const { words, tone, kind } = summary;
    $("bar").dataset.tone = tone;
    $("verdict").textContent = kind === "seen" ? "" : words;
    $("seen").textContent = photo.answer ? seenFrom(photo.answer.pose) : "";
    $("bar-name").textContent = photo.name;
    $("place").textContent = place.of > 1 && place.at >= 0 ? ` · ${place.at + 1} of ${place.of}` : "";
    $("previous").hidden = $("next").hidden = place.of < 2;
    $("previous").disabled = place.at <= 0;
    $("next").disabled = place.at >= place.of - 1;
  }
}
