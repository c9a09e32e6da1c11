// Files as pictures that this browser can show; a HEIC is one to Safari alone.

const MOST_PX = 2400; // longest side kept for showing; what is sent is the file as it is
const THUMB_PX = 96;
const KEPT = 3;
const kept = new Map();
const sizes = new WeakMap();
let decoding = Promise.resolve();

// The upright picture; of a file that this browser cannot decode the server's, which comes with
// the answer, and null until then.
export function picture(photo) {
  const served = photo.decodes === false;
  const upright = photo.answer?.images?.upright;
  if (served && !upright) return Promise.resolve(null);
  if (!kept.has(photo)) kept.set(photo, served ? loaded(upright) : inTurn(() => decode(photo.file)));
  const wanted = kept.get(photo);
  // The latest used go last; a decoded camera photo takes 20 MB, so few are kept.
  kept.delete(photo);
  kept.set(photo, wanted);
  for (const old of [...kept.keys()].slice(0, -KEPT)) kept.delete(old);
  return wanted;
}

// The upright picture at its full size, for the caller to close; null as above.
export function uprightBitmap(photo) {
  return inTurn(() => createImageBitmap(photo.file).catch(() => null));
}

const turns = new WeakMap();

// A picture turned as the server turned it before it answered: by `degrees`, a multiple of 90,
// clockwise.
export function turned(bitmap, degrees = 0) {
  if (!bitmap || !degrees) return bitmap;
  if (turns.get(bitmap)?.degrees === degrees) return turns.get(bitmap).canvas;
  const across = degrees % 180 !== 0;
  const canvas = document.createElement("canvas");
  canvas.width = across ? bitmap.height : bitmap.width;
  canvas.height = across ? bitmap.width : bitmap.height;
  const context = canvas.getContext("2d");
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((degrees * Math.PI) / 180);
  context.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 2);
  turns.set(bitmap, { degrees, canvas });
  return canvas;
}

// Notes whether this browser can decode the photo's file, and makes the thumbnail.
export async function readPicture(photo) {
  const bitmap = await picture(photo);
  photo.decodes ??= Boolean(bitmap);
  if (!photo.decodes && !bitmap) kept.delete(photo);
  if (!bitmap) return;
  photo.pixels = sizes.get(bitmap);
  await makeThumb(photo, bitmap, bitmap);
}

async function loaded(address) {
  const image = Object.assign(new Image(), { src: address });
  await image.decode();
  return image;
}

async function makeThumb(photo, source, size) {
  const scale = THUMB_PX / Math.min(size.width, size.height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = THUMB_PX;
  const [width, height] = [size.width * scale, size.height * scale];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (THUMB_PX - width) / 2, (THUMB_PX - height) / 2, width, height);
  // As a file it takes a tenth of the memory that a canvas does.
  photo.thumbFile = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
  photo.thumb = URL.createObjectURL(photo.thumbFile);
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
  const size = [bitmap.width, bitmap.height];
  if (scale >= 1) return sized(bitmap, size);
  const small = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(bitmap.width * scale)),
    resizeHeight: Math.max(1, Math.round(bitmap.height * scale)),
    resizeQuality: "medium",
  });
  bitmap.close();
  return sized(small, size);
}

// Remembers the size that a picture's file has.
function sized(bitmap, size) {
  sizes.set(bitmap, size);
  return bitmap;
}
