// The page: photos and options on one side, the chosen photo's answer on the other.
import { compass, VIEWPOINTS } from "./compass.js";
import { $ } from "./dom.js";
import { takeIn } from "./intake.js";
import { listed } from "./messages.js";
import { Queue } from "./queue.js";
import { Result } from "./result.js";
import { Strip } from "./strip.js";

const SETTLED_MS = 500; // several sectors are clicked in a row; the photos are asked again once
const ENGINES = {
  detectron2: {
    words: "Models that run on this server.",
    privacy: "Photos are sent to this server and nowhere else.",
  },
  rekognition: {
    words: "Amazon's service, where this server has an AWS account for it.",
    privacy: "Photos are sent to this server, which passes them to Amazon Rekognition.",
  },
  compare: {
    words: "Both engines on the same photo, side by side.",
    privacy: "Photos are sent to this server, which passes them to Amazon Rekognition.",
  },
};

let chosen = null;
let expected = [];
let settling = 0;

const engine = () => document.querySelector("input[name=engine]:checked").value;
const queue = new Queue(() => ({ engine: engine(), expect: [...expected] }), (photo) => {
  strip.update(photo);
  if (photo === chosen) result.show(photo);
});
const strip = new Strip($("queue"), choose);
const result = new Result((photo) => queue.again(photo));
const showExpected = compass($("expect"), (viewpoint) => {
  const others = expected.filter((v) => v !== viewpoint);
  expect(others.length < expected.length ? others : [...expected, viewpoint]);
});

function choose(photo) {
  chosen = photo;
  strip.choose(photo);
  result.show(photo);
}

function expect(viewpoints) {
  expected = VIEWPOINTS.filter((v) => viewpoints.includes(v));
  settingsChanged();
}

function settingsChanged() {
  showSettings();
  clearTimeout(settling);
  settling = setTimeout(() => queue.settingsChanged(chosen), SETTLED_MS);
}

function showSettings() {
  const words = expected.length ? `Accepts ${listed(expected, "or")}` : "Every view is accepted";
  showExpected({ expected, words: `Expected views around a car seen from above. ${words}.` });
  $("expect-words").textContent = expected.length
    ? `${words}.`
    : "Every view is accepted. Choose around the car which ones to accept.";
  $("expect-none").hidden = !expected.length;
  $("privacy").textContent = ENGINES[engine()].privacy;
  $("engine-words").textContent = ENGINES[engine()].words;
  const name = document.querySelector("input[name=engine]:checked").parentElement.textContent.trim();
  $("chosen-options").textContent = `${name} · ${words}`;
}

takeIn((files) => {
  const added = queue.add(files);
  for (const photo of added) strip.add(photo);
  if (document.body.classList.contains("empty")) {
    document.body.classList.remove("empty");
    $("photos").hidden = false;
    // On a phone the answer comes right below the photos.
    if (matchMedia("(max-width: 760px)").matches) $("options").open = false;
  }
  choose(added[0]);
});

$("clear").addEventListener("click", () => {
  queue.clear();
  strip.clear();
  choose(null);
  $("photos").hidden = true;
  document.body.classList.add("empty");
  $("pick").focus();
});
$("expect-none").addEventListener("click", () => {
  expect([]);
  $("expect").querySelector("[role=button]").focus();
});
for (const radio of document.getElementsByName("engine")) {
  radio.addEventListener("change", settingsChanged);
}
showSettings();
