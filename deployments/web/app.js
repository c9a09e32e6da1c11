// The page: photos and options on one side, the chosen photo's answer on the other.
import { Bar } from "./bar.js";
import { $, seldom } from "./dom.js";
import { Filters } from "./filters.js";
import { isPaid, paid, readEngines } from "./engines.js";
import { namesOfFormats } from "./formats.js";
import { takeIn } from "./intake.js";
import { Keep } from "./keep.js";
import { askKeyAgain, onKey } from "./key.js";
import { limits, readLimits } from "./limits.js";
import { List } from "./list.js";
import { plain } from "./messages.js";
import { Options } from "./options.js";
import { Order } from "./order.js";
import { newPhoto } from "./photo.js";
import { forget } from "./pictures.js";
import { goTo, place } from "./place.js";
import { Progress } from "./progress.js";
import { canTryAgain, Queue } from "./queue.js";
import { Result } from "./result.js";
import { asked, book, readRules } from "./rules.js";
import { Settings } from "./settings.js";
import { outlineOf, Shots } from "./shots.js";
import { Spending } from "./spending.js";
import { summaryOf } from "./summary.js";
import { Takeaway } from "./takeaway.js";
import { canSee, Webcam } from "./webcam.js";

const SETTLED_MS = 500; // several sectors are clicked in a row: judged at once, said once
const PAINT_MS = 60;
const PHONE = "(max-width: 760px)";

$("no-script").remove();

let chosen = null;
let settling = 0;
let asking = false; // whether a paid engine may be asked

const settings = new Settings(settingsChanged);
const rules = () => asked(settings);
const queue = new Queue(() => settings.engine, (photo) => {
  if (photo === chosen) showChosen();
  if (photo.state === "done" || photo.state === "failed") {
    if (photo.address) keep.file(photo); // it has been fetched meanwhile
    keep.answer(photo);
  }
  showAll();
});
const keep = new Keep();
const list = new List({ choose: pick, remove, retry: again });
const filters = new Filters(() => paint());
const order = new Order(() => {
  paint();
  list.reveal();
});
const progress = new Progress();
const bar = new Bar((step) => list.step(step), () => remove(chosen));
const result = new Result(again, () => $("pick").click());
const spending = new Spending();
const shots = new Shots({ choose: pick, take });
const takeaway = new Takeaway(() => [queue.photos, rules()], () => result.overlay.marks);
const options = new Options(settings);
const webcam = new Webcam((file) => add([file]));
const showAll = seldom(paint, PAINT_MS);

function paint() {
  const lines = queue.photos.map((photo) => [photo, summaryOf(photo, rules())]);
  const shown = lines.filter(([, { kind }]) => place.kind === null || kind === place.kind);
  list.show(order.of(shown), chosen, canTryAgain);
  filters.show(queue.photos, rules());
  progress.show(queue.photos, rules());
  bar.show(chosen, chosen && summaryOf(chosen, rules()), list.place());
  $("filters").hidden = $("sorting").hidden = queue.photos.length < 2;
  $("nothing").hidden = shown.length > 0;
  shots.show(queue.photos, rules());
  $("retry-failed").hidden = !queue.photos.some(canTryAgain);
}

function choose(photo) {
  chosen = photo;
  goTo({ chosen: photo?.id ?? null });
  showChosen();
  paint();
  list.reveal();
  // Who has scrolled into the photo before sees this one from its beginning.
  if ($("result").getBoundingClientRect().top < 0) $("result").scrollIntoView();
}

// On a phone the photo lies below the list.
function pick(photo) {
  choose(photo);
  if (matchMedia(PHONE).matches) $("result").scrollIntoView();
}

function showChosen() {
  result.show(chosen, rules());
  if (chosen) takeaway.show(chosen, rules());
  if (chosen) bar.show(chosen, summaryOf(chosen, rules()), list.place());
}

function settingsChanged(changed) {
  options.show();
  clearTimeout(settling);
  if (changed.includes("engine")) settling = setTimeout(engineChanged, SETTLED_MS);
  else settling = setTimeout(() => progress.announce(chosen ? [chosen] : [], rules()), SETTLED_MS);
  showChosen();
  paint();
}

async function engineChanged() {
  queue.pause();
  queue.engineChanged(chosen);
  await sendIfAllowed();
}

// Many photos go to a paid engine only after a yes; after a no the own models answer. One
// question at a time: what comes while it stands is looked at when it is answered.
async function sendIfAllowed() {
  queue.pause();
  if (asking) return;
  asking = true;
  let asked;
  let allowed;
  do {
    asked = `${settings.engine} ${queue.toSend().length}`;
    allowed = await spending.allows(settings.engine, queue.toSend());
  } while (allowed && asked !== `${settings.engine} ${queue.toSend().length}`);
  asking = false;
  if (allowed) queue.goOn();
  else settings.set({ engine: "detectron2" });
}

// A photo of a view that is missing.
function take(viewpoint) {
  if (canSee) webcam.open(`Line the car up: ${plain(viewpoint)}`, outlineOf(viewpoint));
  else $("camera").click();
}

function add(files) {
  const photos = files.map((file) => newPhoto(file));
  for (const photo of photos) keep.file(photo);
  show(photos);
}

// Its file comes when its turn comes.
function addAddress(address) {
  const photo = Object.assign(newPhoto(new File([], ""), address), { address });
  keep.file(photo);
  show([photo]);
}

function show(photos) {
  askKeyAgain();
  queue.pause();
  queue.add(photos);
  sendIfAllowed();
  if (document.body.classList.contains("empty")) {
    document.body.classList.remove("empty");
    $("photos").hidden = false;
    // One photo is looked at, many are gone through: then the list has the room.
    if (photos.length > 1 || matchMedia(PHONE).matches) $("options").open = false;
  }
  choose(photos.find(({ id }) => id === place.chosen) ?? photos[0]);
}

function again(photo) {
  askKeyAgain();
  queue.again(photo);
}

function remove(photo) {
  const at = list.lines.findIndex(([other]) => other === photo);
  const next = list.lines[at + 1] ?? list.lines[at - 1];
  queue.remove(photo);
  keep.forget([photo]);
  forget(photo);
  if (!queue.photos.length) clear();
  else if (photo === chosen) choose(next?.[0] ?? queue.photos[0]);
  else paint();
}

function clear() {
  for (const photo of queue.photos) forget(photo);
  keep.forget(queue.photos);
  queue.clear();
  goTo({ kind: null });
  $("photos").hidden = true;
  document.body.classList.add("empty");
  widen(false);
  choose(null);
  $("pick").focus();
}

// The list as a table, or narrow.
function widen(wide) {
  goTo({ wide });
  document.body.classList.toggle("table", wide);
  $("wide").setAttribute("aria-pressed", String(wide));
}

takeIn({ files: add, address: addAddress });
$("webcam-open").addEventListener("click", () => webcam.open("Line the car up and take the photo.", null));
$("webcam-open").hidden = !canSee || navigator.maxTouchPoints > 0;
$("other-cars-ask").addEventListener("click", () => {
  chosen.cars = "all";
  again(chosen);
});
$("clear").addEventListener("click", clear);
$("retry-failed").addEventListener("click", () => {
  askKeyAgain();
  queue.retryFailed();
});
$("wide").addEventListener("click", () => {
  widen(!place.wide);
  list.reveal();
});
$("example").addEventListener("click", async () => {
  const response = await fetch($("example-photo").src);
  add([new File([await response.blob()], "example.jpg", { type: "image/jpeg" })]);
});
options.show();
paint(); // also with nothing to show: the views have their names from here
readServer();
onKey(readServer);
keep.photos(settings.engine).then((photos) => {
  if (!photos.length) return;
  widen(place.wide);
  show(photos);
});

// What this server is. An engine or a set of rules that it has not is not asked, whatever an
// address or the memory says.
function readServer() {
  readEngines().then(() => {
    if (isPaid(settings.engine) && !paid.on) settings.set({ engine: "detectron2" });
    else options.show();
  });
  readLimits().then(() => {
    if (limits.formats) $("formats").textContent = `${namesOfFormats(limits.formats)}, at most ${limits.maxBytes / 1e6} MB. `;
  });
  readRules().then(() => {
    if (settings.rules && book.checks.length && !book.sets[settings.rules]) settings.set({ rules: "" });
    else settingsChanged([]);
  });
}
