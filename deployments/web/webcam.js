// A camera's live picture in a window of the page, with an outline to line the car up with.
import { $ } from "./dom.js";

// Whether this browser lets a page see a camera; over plain HTTP it does not.
export const canSee = Boolean(navigator.mediaDevices?.getUserMedia);

export class Webcam {
  // `onPhoto(file)` is called with every photo that is taken.
  constructor(onPhoto) {
    this.onPhoto = onPhoto;
    $("shoot").addEventListener("click", () => this.#shoot());
    $("webcam").addEventListener("close", () => this.#stop());
    $("webcam-close").addEventListener("click", () => $("webcam").close());
  }

  // Opens the camera; `outline` is an SVG drawing to lay over its picture, or null.
  async open(words, outline) {
    $("webcam-words").textContent = words;
    $("webcam-problem").textContent = "";
    $("webcam-outline").replaceChildren(...(outline ? [outline] : []));
    if (!$("webcam").open) $("webcam").showModal();
    if (this.stream) return;
    try {
      const video = { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1440 } };
      this.stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      $("webcam-problem").textContent = error.name === "NotAllowedError"
        ? "This browser does not let the page use the camera. Allow it in the browser's settings for this page."
        : "No camera was found.";
      return;
    }
    $("webcam-video").srcObject = this.stream;
    await $("webcam-video").play();
    $("shoot").disabled = false;
  }

  async #shoot() {
    const video = $("webcam-video");
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
    this.onPhoto(new File([blob], `camera-${time}.jpg`, { type: "image/jpeg" }));
  }

  #stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    $("shoot").disabled = true;
  }
}
