// The ways in for photos: picked, taken, dropped anywhere on the page, pasted, by address.
import { $, typing } from "./dom.js";
import { addressIn } from "./fetched.js";
import { filesOf } from "./folders.js";

// `on` is { files, address }: called with files, or with a picture's address.
export function takeIn(on) {
  // Where there is no touch screen, there is no camera to point at a car.
  $("camera").parentElement.hidden = navigator.maxTouchPoints === 0;
  const some = (files) => files.length && on.files(files);
  for (const id of ["pick", "pick-folder", "camera"]) {
    $(id).addEventListener("change", (event) => {
      const input = event.target;
      some([...input.files]);
      input.value = ""; // so that the same file can be picked again
    });
  }
  addEventListener("paste", (event) => {
    if (typing(event.target)) return;
    const address = addressIn(event.clipboardData);
    if (event.clipboardData?.files.length) some([...event.clipboardData.files]);
    else if (address) on.address(address);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("drop").classList.remove("over");
  });
  addEventListener("drop", async (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    const address = addressIn(event.dataTransfer);
    if (event.dataTransfer?.files.length) some(await filesOf(event.dataTransfer));
    else if (address) on.address(address);
  });
}
