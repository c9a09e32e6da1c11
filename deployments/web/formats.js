// What a file is, told by its first bytes as the server tells it; its name may say anything.

// [format, what people call it, bytes at an offset]; the first that fits is it.
const SIGNATURES = [
  ["jpeg", "JPEG", 0, "\xff\xd8\xff"],
  ["png", "PNG", 0, "\x89PNG\r\n\x1a\n"],
  ["webp", "WebP", 8, "WEBP"],
  ["avif", "AVIF", 4, "ftypavif"],
  ["avif", "AVIF", 4, "ftypavis"],
  ["heif", "HEIC", 4, "ftyphei"],
  ["heif", "HEIC", 4, "ftyphev"],
  ["heif", "HEIC", 4, "ftypmi"], // mif1, mif2, miaf
  ["heif", "HEIC", 4, "ftypmsf1"],
  ["gif", "GIF", 0, "GIF8"],
  ["bmp", "BMP", 0, "BM"],
  ["tiff", "TIFF or camera raw", 0, "II*\0"],
  ["tiff", "TIFF or camera raw", 0, "MM\0*"],
  ["jxl", "JPEG XL", 0, "\xff\x0a"],
  ["jxl", "JPEG XL", 4, "JXL "],
  ["jp2", "JPEG 2000", 4, "jP  "],
  ["raw", "Camera raw", 4, "ftypcrx"],
  ["pdf", "PDF", 0, "%PDF"],
  ["zip", "ZIP", 0, "PK\x03\x04"],
  ["video", "Video", 4, "ftyp"],
  ["video", "Video", 0, "\x1aE\xdf\xa3"],
  ["svg", "SVG", 0, "<svg"],
  ["svg", "SVG", 0, "<?xml"],
];
const HEAD_BYTES = 32;

// { format, words }, or null where the first bytes are of nothing known. Rejects where the file
// cannot be opened.
export async function formatOf(file) {
  const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const head = String.fromCharCode(...bytes);
  const found = SIGNATURES.find(([, , at, signature]) => head.startsWith(signature, at));
  return found ? { format: found[0], words: found[1] } : null;
}

// "JPEG, PNG or HEIC" of the server's names.
export function namesOfFormats(formats) {
  const names = formats.map((format) => SIGNATURES.find(([known]) => known === format)?.[1] ?? format.toUpperCase());
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
