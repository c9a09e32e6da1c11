// The photos and their answers over a reload, in this browser's own store. They belong to one
// tab; what a closed tab left behind goes after a day.
import { newPhoto, hold } from "./photo.js";

const DAY_MS = 86_400_000;
const STORES = ["files", "answers"]; // apart, so that an answer does not write its file again

export class Keep {
  constructor() {
    this.store = opened().catch(() => null); // a private window may refuse: then nothing is kept
    this.tab = tabName();
  }

  // A photo's file, when it comes in.
  async file({ id, name, file, address, at }) {
    await this.#write("files", { id, name, file, address, tab: this.tab, at });
  }

  // What is known of it, when it is done.
  async answer({ id, bodies, problem, thumbFile, decodes }) {
    const failed = problem && { code: problem.code, detail: problem.detail, requestId: problem.requestId, local: problem.local };
    await this.#write("answers", { id, bodies, failed, thumbFile, decodes });
  }

  async forget(photos) {
    const store = await this.store;
    if (!store) return;
    const change = store.transaction(STORES, "readwrite");
    for (const { id } of photos) for (const name of STORES) change.objectStore(name).delete(id);
  }

  // The photos of this tab, as they were.
  async photos(engine) {
    const store = await this.store;
    if (!store) return [];
    const read = (name) => finished(store.transaction(name).objectStore(name).getAll());
    const [files, answers] = await Promise.all(STORES.map(read));
    const old = files.filter(({ tab, at }) => tab !== this.tab && Date.now() - at > DAY_MS);
    await this.forget(old);
    const byId = new Map(answers.map((answer) => [answer.id, answer]));
    return files
      .filter(({ tab }) => tab === this.tab)
      .sort((a, b) => a.at - b.at)
      .map((kept) => revived(kept, byId.get(kept.id), engine));
  }

  async #write(name, record) {
    const store = await this.store;
    if (!store) return;
    try {
      await finished(store.transaction(name, "readwrite").objectStore(name).put(record));
    } catch {
      // No room: the photo is lost by a reload, as all were without a store.
    }
  }
}

function revived({ id, name, file, address, at }, answer, engine) {
  const photo = Object.assign(newPhoto(file, name), { id, address, at });
  if (!answer) return photo;
  Object.assign(photo, { bodies: answer.bodies, decodes: answer.decodes });
  if (answer.thumbFile) Object.assign(photo, { thumbFile: answer.thumbFile, thumb: URL.createObjectURL(answer.thumbFile) });
  if (hold(photo, engine)) photo.state = "done";
  else if (answer.failed) Object.assign(photo, { state: "failed", problem: answer.failed });
  return photo;
}

async function opened() {
  const request = indexedDB.open("carpose", 1);
  request.onupgradeneeded = () => {
    for (const name of STORES) request.result.createObjectStore(name, { keyPath: "id" });
  };
  return finished(request);
}

function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// This tab's name, the same after a reload.
function tabName() {
  try {
    sessionStorage.carposeTab ??= `${Date.now()}-${Math.random()}`;
    return sessionStorage.carposeTab;
  } catch {
    return "";
  }
}
