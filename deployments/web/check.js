// Why a file cannot work, found out before it is sent. The server checks again by itself.
import { Problem } from "./api.js";
import { formatOf, namesOfFormats } from "./formats.js";
import { limits } from "./limits.js";

const MB = 1e6;

// Throws Problem by the file's size and first bytes. A dropped folder looks like a file until it
// is read, and sending it would look like a lost network.
export async function checkFile(file) {
  const kind = await formatOf(file).catch(() => {
    throw new Problem("unreadable");
  });
  if (!file.size) throw refusal("bad-image", "the file is empty");
  if (file.size > limits.maxBytes) {
    throw refusal("too-large", `it has ${(file.size / MB).toFixed(1)} MB, and this server takes ${limits.maxBytes / MB} MB`);
  }
  if (!limits.formats) return;
  if (!kind) throw refusal("bad-image", `it does not begin as a picture does; ${formatsWords()}`);
  if (!limits.formats.includes(kind.format)) throw refusal("unsupported-type", `it is ${kind.words}; ${formatsWords()}`);
}

// Throws Problem by the picture's size in pixels.
export function checkPixels(width, height) {
  if (width * height <= limits.maxPixels) return;
  const most = limits.maxPixels / 1e6;
  throw refusal("too-many-pixels", `it has ${width} × ${height} pixels, and this server takes ${most} megapixels`);
}

function formatsWords() {
  return `this server reads ${namesOfFormats(limits.formats)}`;
}

// Nothing was sent, so no server and no engine has to do with it.
function refusal(code, detail) {
  return Object.assign(new Problem(code, { detail }), { local: true });
}
