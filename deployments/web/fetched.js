// A picture's address, dropped or pasted, as a file: fetched by the browser, never by the server.
import { Problem } from "./api.js";

const ADDRESS = /^https?:\/\/\S+$/;

// The first address in dropped or pasted data, or null.
export function addressIn(transfer) {
  const words = transfer?.getData?.("text/uri-list") || transfer?.getData?.("text/plain") || "";
  const lines = words.split(/\r?\n/).map((line) => line.trim());
  return lines.find((line) => ADDRESS.test(line)) ?? null;
}

// Throws Problem where the picture's host lets no other page read it, as most do not.
export async function fetched(address) {
  const name = decodeURIComponent(new URL(address).pathname.split("/").at(-1)) || "picture";
  const response = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer" }).catch(() => null);
  if (!response?.ok) throw new Problem("not-fetched", { detail: address });
  const content = await response.blob();
  return new File([content], name, { type: content.type });
}
