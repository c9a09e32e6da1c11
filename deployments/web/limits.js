// What this server takes and what its engines can do, as it says itself.

// Until it has said so, or where it does not, nothing is refused here.
export const limits = { maxBytes: Infinity, maxPixels: Infinity, formats: null, minScore: null };

let reading = null;

// Fills `limits`, once; rejects never, for the server checks every photo itself.
export function readLimits() {
  return (reading ??= read());
}

async function read() {
  const response = await fetch(new URL("v1/limits", document.baseURI)).catch(() => null);
  if (!response?.ok) return;
  const served = await response.json();
  limits.maxBytes = served.max_upload_mb * 1e6;
  limits.maxPixels = served.max_megapixels * 1e6;
  limits.formats = served.formats;
  limits.minScore = served.min_score ?? null;
}
