// Asks before many photos go to an engine that costs money.
import { $ } from "./dom.js";
import { isPaid, priceOf } from "./engines.js";

const ASKED_FROM = 10; // photos; fewer cost less than it takes to read the question

export class Spending {
  constructor() {
    this.agreed = new WeakSet();
  }

  // Whether `photos` may be sent to `engine`: resolves true or false, after asking where needed.
  async allows(engine, photos) {
    const fresh = photos.filter((photo) => !this.agreed.has(photo));
    if (!isPaid(engine) || fresh.length < ASKED_FROM) return true;
    const dialog = $("spending");
    $("spending-words").textContent = `${fresh.length} photos, ${priceOf(fresh.length)}, on this server's AWS account.`;
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    const yes = dialog.returnValue === "yes";
    if (yes) for (const photo of fresh) this.agreed.add(photo);
    return yes;
  }
}
