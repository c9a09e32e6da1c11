// Copying, also where the page comes over plain HTTP and browsers hide the clipboard.

const SAID_MS = 1600;

// `text()` is what a press on `button` copies; `shown` is selected where copying is refused.
export function copies(button, text, shown) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text())) ? "Copied" : "Press Ctrl+C";
    if (button.textContent !== "Copied") getSelection().selectAllChildren(shown);
    setTimeout(() => (button.textContent = label), SAID_MS);
  });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

function copiedBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "aside";
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}
