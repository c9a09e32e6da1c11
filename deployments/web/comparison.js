// Both engines on one photo: which answer is shown first, the other one beside it, and a table.
import { $, element } from "./dom.js";
import { message } from "./messages.js";

const NAMES = { detectron2: "Own models", rekognition: "Amazon Rekognition" };
const ENGINES = Object.keys(NAMES);
const LEAST_IOU = 0.3; // of two boxes of the same part

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

  // Lights up what the other engine calls the main answer's part `index`; -1 lights none.
  highlight(index) {
    this.overlay.highlight(this.pairs?.[index] ?? -1);
  }

  // The main answer's part that the other engine's part `index` is, or -1.
  mainPart(index) {
    return index < 0 ? -1 : (this.pairs?.indexOf(index) ?? -1);
  }

  // The other engine's parts on the photo.
  showPicture(body, bitmap) {
    if (body?.engine !== "compare") return;
    const answer = ENGINES.map((engine) => body[engine].answer).find((a) => a !== mainAnswer(body));
    this.pairs = answer ? pairsOf(mainAnswer(body).parts, answer.parts) : [];
    this.overlay.show(bitmap, answer ?? null, new Set());
    $("other-overlay").setAttribute("aria-label", `The photo as ${$("other-engine").textContent}`);
  }
}

// For each part of one answer the same part in the other, by its name and place, or -1.
function pairsOf(parts, others) {
  return parts.map(({ label, box }) => {
    const overlaps = others.map((other) => (other.label === label ? iou(box, other.box) : 0));
    const most = Math.max(0, ...overlaps);
    return most >= LEAST_IOU ? overlaps.indexOf(most) : -1;
  });
}

function iou(a, b) {
  const area = ([x0, y0, x1, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return both / (area(a) + area(b) - both);
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
