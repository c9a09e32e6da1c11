// The page: a queue of photos on one side, the chosen photo's answer on the other.
import { ask, path, Refusal } from "./api.js";
import { compass } from "./compass.js";
import { colourOf, Overlay } from "./overlay.js";

const AT_ONCE = 2;
const $ = (id) => document.getElementById(id);
const overlay = new Overlay($("overlay"));
const photos = [];
let chosen = null;
let expected = [];
let running = 0;

const showExpected = compass($("expect"), (viewpoint) => {
  expected = expected.includes(viewpoint)
    ? expected.filter((v) => v !== viewpoint)
    : [...expected, viewpoint];
  expectChanged();
});
const showCompass = compass($("compass"));
expectChanged();

function expectChanged() {
  showExpected(expected, expected.length ? `accepted: ${expected.join(", ")}` : "every view is accepted");
  $("expect-none").hidden = !expected.length;
  if (chosen) again(chosen);
}

function again(photo) {
  photo.state = "waiting";
  photo.answer = photo.error = null;
  render(photo);
  next();
}

function add(files) {
  for (const file of files) {
    const photo = { file, state: "waiting", url: URL.createObjectURL(file) };
    photos.push(photo);
    enqueue(photo);
    choose(photo);
  }
  next();
}

function enqueue(photo) {
  const item = document.createElement("li");
  item.innerHTML = '<button type="button"><img alt=""><span><span class="name"></span><span class="state"></span></span></button>';
  photo.button = item.firstChild;
  photo.button.querySelector("img").src = photo.url;
  photo.button.querySelector(".name").textContent = photo.file.name || "pasted photo";
  photo.button.addEventListener("click", () => choose(photo));
  $("queue").prepend(item);
}

function choose(photo) {
  chosen = photo;
  for (const other of photos) other.button.setAttribute("aria-current", String(other === photo));
  render(photo);
}

async function next() {
  const photo = photos.find((p) => p.state === "waiting");
  if (!photo || running >= AT_ONCE) return;
  running++;
  photo.state = "asking";
  render(photo);
  next();
  const engine = document.querySelector("input[name=engine]:checked").value;
  const question = { engine, expect: expected, include: "masks" };
  try {
    // A picture that this browser cannot show (HEIC, mostly) is drawn by the server.
    photo.bitmap ??= await createImageBitmap(photo.file).catch(() => null);
    if (!photo.bitmap) question.include = "masks,annotated";
    photo.question = question;
    const answer = await ask(photo.file, question, (seconds) => {
      photo.wait = seconds;
      render(photo);
    });
    if (photo.state === "asking") Object.assign(photo, { answer, state: "done" });
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    const words = error instanceof Refusal ? error.words : "Something went wrong on this page.";
    if (photo.state === "asking") Object.assign(photo, { error: words, state: "failed" });
  }
  running--;
  render(photo);
  next();
}

function stateOf({ state, answer, error, wait }) {
  if (state === "waiting") return ["waiting", ""];
  if (state === "asking") return [wait ? `server busy, trying again in ${wait} s` : "looking…", ""];
  if (state === "failed") return [error, "bad"];
  const seen = answer.pose.viewpoint ?? answer.pose.view ?? "viewpoint unknown";
  if (!answer.compliance) return [seen, ""];
  return answer.compliance.accepted ? [`accepted: ${seen}`, "good"] : [`refused: ${seen}`, "bad"];
}

function render(photo) {
  const [words, tone] = stateOf(photo);
  const state = photo.button.querySelector(".state");
  state.textContent = words;
  state.className = `state ${tone}`;
  if (photo !== chosen) return;
  $("status").textContent = photo.answer ? `${photo.file.name || "Photo"}: ${words}` : words;
  $("status").className = photo.error ? "bad" : "";
  $("answer").hidden = !photo.answer;
  if (photo.answer) show(photo);
}

function show({ answer, bitmap, question }) {
  const { pose, compliance, parts, warnings } = answer;
  $("overlay").hidden = !bitmap;
  $("drawn").hidden = Boolean(bitmap);
  $("parts").disabled = !bitmap;
  const seen = pose.viewpoint ?? "an unknown side";
  if (bitmap) {
    overlay.show(bitmap, answer);
    $("overlay").setAttribute("aria-label", `The photo with ${parts.length} parts marked, seen from ${seen}`);
  } else {
    $("drawn").src = answer.images.annotated;
    $("drawn").alt = `The photo with its parts marked, seen from ${seen}`;
  }
  $("verdict").hidden = !compliance;
  if (compliance) {
    $("verdict").textContent = compliance.accepted ? "Accepted" : `Refused: ${compliance.reasons.join("; ")}`;
    $("verdict").className = `verdict ${compliance.accepted ? "good" : "bad"}`;
  }
  showCompass(pose.viewpoint ? [pose.viewpoint] : [], pose.viewpoint ? `seen from ${seen}` : "viewpoint unknown");
  fact("view", pose.view);
  fact("viewpoint", pose.viewpoint && `${pose.viewpoint} (${Math.round(pose.viewpoint_score * 100)} %)`);
  fact("angle", pose.signed_angle === null ? null : `${pose.signed_angle.toFixed(1)}°`);
  $("warnings").replaceChildren(...warnings.map((warning) => {
    const item = document.createElement("li");
    item.textContent = warning.detail;
    return item;
  }));
  $("part-list").replaceChildren(...parts.map(partSwitch));
  for (const id of ["all", "outline", "line"]) $(id).checked = true;
  $("json").textContent = JSON.stringify(answer, (key, value) => (key === "counts" || key === "annotated" ? "…" : value), 2);
  $("copy").onclick = () => navigator.clipboard.writeText(JSON.stringify(answer));
  $("curl").textContent = `curl -F image=@photo.jpg '${location.origin}${path(question)}'`;
  const times = Object.entries(answer.timings_ms).map(([stage, ms]) => `${stage} ${Math.round(ms)} ms`);
  $("timings").textContent = times.join(", ");
}

function fact(id, value) {
  $(id).textContent = value ?? (id === "angle" ? "not measurable" : "unknown");
  $(id).classList.toggle("unknown", !value);
}

function partSwitch(part, index) {
  const item = document.createElement("li");
  item.innerHTML = '<label><input type="checkbox" checked><i></i><span></span><small></small></label>';
  const [r, g, b] = colourOf(part.label);
  item.querySelector("i").style.background = `rgb(${r} ${g} ${b})`;
  item.querySelector("span").textContent = part.label.replaceAll("_", " ");
  item.querySelector("small").textContent = part.score.toFixed(2);
  const box = item.querySelector("input");
  box.addEventListener("change", () => {
    overlay.parts[index].on = box.checked;
    overlay.draw();
  });
  const highlight = (on) => () => {
    overlay.highlight = on ? index : -1;
    overlay.draw();
  };
  item.addEventListener("pointerenter", highlight(true));
  item.addEventListener("pointerleave", highlight(false));
  return item;
}

$("all").addEventListener("change", () => {
  for (const box of document.querySelectorAll("#part-list input")) box.checked = $("all").checked;
  for (const part of overlay.parts) part.on = $("all").checked;
  overlay.draw();
});
$("outline").addEventListener("change", () => { overlay.outline = $("outline").checked; overlay.draw(); });
$("line").addEventListener("change", () => { overlay.withLine = $("line").checked; overlay.draw(); });
$("expect-none").addEventListener("click", () => { expected = []; expectChanged(); });
for (const radio of document.getElementsByName("engine")) {
  radio.addEventListener("change", () => chosen && again(chosen));
}
for (const id of ["pick", "camera"]) {
  $(id).addEventListener("change", (event) => {
    add(event.target.files);
    event.target.value = "";
  });
}
addEventListener("paste", (event) => add(event.clipboardData.files));
addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  add(event.dataTransfer.files);
});
