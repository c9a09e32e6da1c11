// Files that the page makes and a person takes away.

export function save(content, name, type) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// "car.jpg" and "-cutout.png" to "car-cutout.png".
export function renamed(name, ending) {
  return name.replace(/\.[^.]{1,5}$/, "") + ending;
}
