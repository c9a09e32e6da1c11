// What a photo may be on this server, as it says itself.
import { told } from "./told.js";

// Until it has said so, or where it does not, nothing is refused here.
export const limits = { maxBytes: Infinity, maxPixels: Infinity, formats: null };

let reading = null;

// Fills `limits`, once; rejects never, for the server checks every photo itself.
export function readLimits() {
  return (reading ??= read());
}

async function read() {
  const served = await told("v1/limits");
  if (!served) {
    reading = null; // a key that is given later may open it
    return;
  }
  limits.maxBytes = served.max_upload_mb * 1e6;
  limits.maxPixels = served.max_megapixels * 1e6;
  limits.formats = served.formats;
}
