// [data-copy]: copies its value, or the text of the element whose id data-copy-from names, and says so.
const RESET_AFTER_MS = 2000;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const done = (await copied(textOf(button))) ? "Copied" : "Press Ctrl+C";
  if (done !== "Copied") select(button);
  show(button, done);
});

function textOf(button) {
  if (button.dataset.copy !== undefined) return button.dataset.copy;
  return document.getElementById(button.dataset.copyFrom).textContent.trimEnd();
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedTheOldWay(text);
  }
}

// Browsers offer navigator.clipboard on HTTPS and localhost only; a self-hosted site may have neither.
function copiedTheOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  return worked;
}

function select(button) {
  const value = button.parentElement.querySelector("code");
  if (value) window.getSelection().selectAllChildren(value);
}

function show(button, text) {
  const label = button.querySelector("[data-copy-label]") ?? button;
  button.dataset.copyIdle ??= label.textContent;
  label.textContent = text;
  button.toggleAttribute("data-copied", true);
  document.getElementById("announcements").textContent = text;
  setTimeout(() => {
    label.textContent = button.dataset.copyIdle;
    button.toggleAttribute("data-copied", false);
    document.getElementById("announcements").textContent = "";
  }, RESET_AFTER_MS);
}
