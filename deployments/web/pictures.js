// Files as pictures that this browser can show; a HEIC is one to Safari alone.

const MOST_PX = 2400; // longest side kept for showing; what is sent is the file as it is
const THUMB_PX = 96;
const KEPT = 3;
const kept = new Map();
let decoding = Promise.resolve();

// The upright picture, or null where this browser cannot decode it.
export function picture(photo) {
  if (!kept.has(photo)) kept.set(photo, inTurn(() => decode(photo.file)));
  const wanted = kept.get(photo);
  // The latest used go last; a decoded camera photo takes 20 MB, so few are kept.
  kept.delete(photo);
  kept.set(photo, wanted);
  for (const old of [...kept.keys()].slice(0, -KEPT)) kept.delete(old);
  return wanted;
}

// Address of a small square picture of the photo, or null where this browser cannot decode it.
export async function thumbnail(photo) {
  const bitmap = await picture(photo);
  if (!bitmap) return null;
  const scale = THUMB_PX / Math.min(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = THUMB_PX;
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (THUMB_PX - width) / 2, (THUMB_PX - height) / 2, width, height);
  // As a file it takes a tenth of the memory that a canvas does.
  photo.thumbFile = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
  return URL.createObjectURL(photo.thumbFile);
}

// Forgets what is kept of a photo.
export function forget(photo) {
  kept.delete(photo);
  if (photo.thumb) URL.revokeObjectURL(photo.thumb);
}

// One at a time: fifty photos dropped at once would not fit into a phone's memory.
function inTurn(work) {
  const done = decoding.then(work);
  decoding = done.catch(() => null);
  return done;
}

async function decode(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null;
  }
  const scale = MOST_PX / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const small = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(bitmap.width * scale)),
    resizeHeight: Math.max(1, Math.round(bitmap.height * scale)),
    resizeQuality: "medium",
  });
  bitmap.close();
  return small;
}
