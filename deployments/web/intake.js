// The ways in for photos: picked, taken, dropped anywhere on the page, pasted.
import { $ } from "./dom.js";

export function takeIn(onFiles) {
  // Where there is no touch screen, there is no camera to point at a car.
  $("camera").parentElement.hidden = navigator.maxTouchPoints === 0;
  const some = (files) => files?.length && onFiles([...files]);
  for (const id of ["pick", "camera"]) {
    $(id).addEventListener("change", (event) => {
      const input = event.target;
      some(input.files);
      input.value = ""; // so that the same file can be picked again
    });
  }
  addEventListener("paste", (event) => some(event.clipboardData?.files));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("drop").classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    some(event.dataTransfer?.files);
  });
}
