// The page: photos and options on one side, the chosen photo's answer on the other.
import { Bar } from "./bar.js";
import { $, seldom } from "./dom.js";
import { Filters } from "./filters.js";
import { takeIn } from "./intake.js";
import { limits, readLimits } from "./limits.js";
import { List } from "./list.js";
import { Options } from "./options.js";
import { Order } from "./order.js";
import { newPhoto } from "./photo.js";
import { forget } from "./pictures.js";
import { Progress } from "./progress.js";
import { canTryAgain, Queue } from "./queue.js";
import { Result } from "./result.js";
import { Settings } from "./settings.js";
import { summaryOf } from "./summary.js";

const SETTLED_MS = 500; // several sectors are clicked in a row: judged at once, said once
const PAINT_MS = 60;
const PHONE = "(max-width: 760px)";

let chosen = null;
let settling = 0;

const settings = new Settings(settingsChanged);
const rules = () => ({ expect: settings.expect, minScore: limits.minScore });
const queue = new Queue(() => settings.engine, (photo) => {
  if (photo === chosen) showChosen();
  showAll();
});
const list = new List({ choose: pick, remove, retry: (photo) => queue.again(photo) });
const filters = new Filters(() => paint());
const order = new Order(() => {
  paint();
  list.reveal();
});
const progress = new Progress();
const bar = new Bar((step) => list.step(step), () => remove(chosen));
const result = new Result((photo) => queue.again(photo), () => $("pick").click());
const options = new Options(settings);
const showAll = seldom(paint, PAINT_MS);

function paint() {
  const lines = queue.photos.map((photo) => [photo, summaryOf(photo, rules())]);
  const shown = lines.filter(([, { kind }]) => filters.kind === null || kind === filters.kind);
  list.show(order.of(shown), chosen, canTryAgain);
  filters.show(queue.photos, rules());
  progress.show(queue.photos, rules());
  bar.show(chosen, chosen && summaryOf(chosen, rules()), list.place());
  $("filters").hidden = $("sorting").hidden = queue.photos.length < 2;
  $("nothing").hidden = shown.length > 0;
  $("retry-failed").hidden = !queue.photos.some(canTryAgain);
}

function choose(photo) {
  chosen = photo;
  showChosen();
  paint();
  list.reveal();
}

// On a phone the photo lies below the list.
function pick(photo) {
  choose(photo);
  if (matchMedia(PHONE).matches) $("result").scrollIntoView();
}

function showChosen() {
  result.show(chosen, rules());
  if (chosen) bar.show(chosen, summaryOf(chosen, rules()), list.place());
}

function settingsChanged(changed) {
  options.show();
  clearTimeout(settling);
  if (changed.includes("engine")) settling = setTimeout(() => queue.engineChanged(chosen), SETTLED_MS);
  else settling = setTimeout(() => progress.announce(chosen ? [chosen] : [], rules()), SETTLED_MS);
  showChosen();
  paint();
}

function add(files) {
  const photos = files.map((file) => newPhoto(file));
  queue.add(photos);
  if (document.body.classList.contains("empty")) {
    document.body.classList.remove("empty");
    $("photos").hidden = false;
    // One photo is looked at, many are gone through: then the list has the room.
    if (photos.length > 1 || matchMedia(PHONE).matches) $("options").open = false;
  }
  choose(photos[0]);
}

function remove(photo) {
  const at = list.lines.findIndex(([other]) => other === photo);
  const next = list.lines[at + 1] ?? list.lines[at - 1];
  queue.remove(photo);
  forget(photo);
  if (!queue.photos.length) clear();
  else if (photo === chosen) choose(next?.[0] ?? queue.photos[0]);
  else paint();
}

function clear() {
  for (const photo of queue.photos) forget(photo);
  queue.clear();
  filters.kind = null;
  $("photos").hidden = true;
  document.body.classList.add("empty");
  document.body.classList.remove("table");
  choose(null);
  $("pick").focus();
}

takeIn(add);
$("clear").addEventListener("click", clear);
$("retry-failed").addEventListener("click", () => queue.retryFailed());
$("wide").addEventListener("click", () => {
  const wide = document.body.classList.toggle("table");
  $("wide").setAttribute("aria-pressed", String(wide));
  list.reveal();
});
options.show();
readLimits().then(() => settingsChanged([]));
