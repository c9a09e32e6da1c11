// Both engines on one photo: which answer is shown first, the other one beside it, and a table.
import { $, element } from "./dom.js";
import { message } from "./messages.js";

const NAMES = { detectron2: "Own models", rekognition: "Amazon Rekognition" };
const ENGINES = Object.keys(NAMES);

// The answer whose parts are listed: the own models', or that of the only engine that has one.
export function mainAnswer(body) {
  if (body.engine !== "compare") return body;
  return ENGINES.map((engine) => body[engine].answer).find(Boolean);
}

export class Comparison {
  constructor(overlay) {
    this.overlay = overlay; // of the other answer
  }

  // `body` is the server's whole answer; of one engine alone there is nothing to compare.
  show(body) {
    const both = body?.engine === "compare";
    $("comparison").hidden = !both;
    $("stage").classList.toggle("two", both);
    $("overlay-engine").hidden = $("other").hidden = !both;
    if (!both) return;
    const main = mainAnswer(body).engine;
    const other = ENGINES.find((engine) => engine !== main);
    $("overlay-engine").textContent = NAMES[main];
    $("other-engine").textContent = caption(other, body[other]);
    $("comparison-rows").replaceChildren(...rows(body).map(([name, ...cells]) => element("tr", {},
      element("th", { scope: "row" }, name),
      ...cells.map((cell) => element("td", { colSpan: 3 - cells.length }, cell)))));
  }

  // The other engine's parts on the photo, where the browser can show it, or as the server drew it.
  showPicture(body, bitmap) {
    if (body?.engine !== "compare") return;
    const answer = ENGINES.map((engine) => body[engine].answer).find((a) => a !== mainAnswer(body));
    const drawn = answer?.images?.annotated;
    $("other-overlay").hidden = !bitmap;
    $("other-drawn").hidden = Boolean(bitmap) || !drawn;
    const words = `The photo as ${$("other-engine").textContent}`;
    if (bitmap) {
      this.overlay.show(bitmap, answer ?? null, new Set());
      $("other-overlay").setAttribute("aria-label", words);
    } else if (drawn) {
      $("other-drawn").src = drawn;
      $("other-drawn").alt = words;
    }
  }
}

function caption(engine, { problem }) {
  return problem ? `${NAMES[engine]}: ${message(codeOf(problem)).title}` : NAMES[engine];
}

function codeOf({ type }) {
  return /[a-z-]+$/.exec(type)?.[0];
}

// [name, own models, Rekognition] of each line; [name, words] of what is about both.
function rows({ detectron2, rekognition, agreement, price_usd: price }) {
  const of = (words) => [detectron2, rekognition].map(({ answer }) => (answer ? words(answer) : "–"));
  const table = [
    ["View", ...of(({ pose }) => pose.view ?? "unknown")],
    ["Viewpoint", ...of(({ pose }) => pose.viewpoint ?? "unknown")],
    ["Angle", ...of(({ pose }) => (pose.angle === null ? "unknown" : `${pose.angle.toFixed(1)}°`))],
    ["Wheels", ...of(({ parts }) => String(parts.filter(({ label }) => label === "wheel").length))],
    ["Time", ...of(({ timings_ms: stages }) => `${Math.round(stages.detect)} ms`)],
    ["Price", "own hardware", `$${price} a photo`],
  ];
  if (agreement) table.push(["Agreement", agreed(agreement)]);
  return table;
}

function agreed({ same_view: view, angle_difference: angle, car_iou: car, wheels }) {
  return [
    view === null ? "view not told by both" : view ? "same view" : "different views",
    angle === null ? "angle not told by both" : `angles ${angle.toFixed(1)}° apart`,
    `car boxes overlap by ${Math.round(100 * car)} %`,
    `${wheels.same} wheels the same`,
  ].join(", ");
}
