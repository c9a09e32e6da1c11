// The files of what was dropped, those in folders too.

const PICTURE = /\.(jpe?g|png|webp|hei[cf]|avif|gif|bmp|tiff?|jxl)$/i;

// Call it at once: a drop's items are gone after the event.
export function filesOf(transfer) {
  const entries = [...(transfer.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return Promise.resolve([...transfer.files]);
  return Promise.all(entries.map((entry) => within(entry, true))).then((files) => files.flat());
}

// Of a folder only what is named like a picture: the rest was not meant.
async function within(entry, named) {
  if (entry.isFile) {
    if (!named && !PICTURE.test(entry.name)) return [];
    return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  }
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    // A reader gives a hundred at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    for (const each of some) files.push(...(await within(each, false)));
  }
  return files;
}
