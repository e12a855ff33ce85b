// [data-code-tabs]: turns stacked code samples into tabs; the language chosen once is chosen everywhere.
const STORED_AS = "lockence-language";

enhance(document);
document.addEventListener("htmx:load", (event) => enhance(event.target));

function enhance(root) {
  const boxes = [...root.querySelectorAll("[data-code-tabs]:not([data-ready])")];
  if (root.matches?.("[data-code-tabs]:not([data-ready])")) boxes.push(root);
  boxes.forEach(addTabs);
}

function addTabs(box) {
  const panels = [...box.querySelectorAll(":scope > [data-language]")];
  if (panels.length < 2) return;
  const list = document.createElement("div");
  list.className = "code-tabs-list";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", box.dataset.codeTabs || "Language");
  list.append(...panels.map(tabFor));
  list.addEventListener("click", (event) => choose(event.target.closest("[role=tab]")));
  list.addEventListener("keydown", moveWithArrows);
  box.prepend(list);
  box.toggleAttribute("data-ready", true);
  select(box, remembered() ?? panels[0].dataset.language);
}

function tabFor(panel) {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.id = `${panel.id}-tab`;
  tab.textContent = panel.dataset.label;
  tab.dataset.language = panel.dataset.language;
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", panel.id);
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", tab.id);
  return tab;
}

function choose(tab) {
  if (!tab) return;
  remember(tab.dataset.language);
  const top = tab.getBoundingClientRect().top;
  document.querySelectorAll("[data-code-tabs][data-ready]").forEach((box) => {
    select(box, tab.dataset.language);
  });
  // Boxes above may have grown or shrunk: keep what was pressed under the pointer.
  window.scrollBy({ top: tab.getBoundingClientRect().top - top, behavior: "instant" });
}

function select(box, language) {
  const panels = [...box.querySelectorAll(":scope > [data-language]")];
  const shown = panels.find((panel) => panel.dataset.language === language) ?? panels[0];
  panels.forEach((panel) => (panel.hidden = panel !== shown));
  box.querySelectorAll("[role=tab]").forEach((tab) => {
    const selected = tab.dataset.language === shown.dataset.language;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
  });
}

function moveWithArrows(event) {
  const tabs = [...event.currentTarget.children];
  const at = tabs.indexOf(document.activeElement);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  tab.focus();
  choose(tab);
}

// Storage may be closed (private windows, strict settings): then the choice lasts for the page.
function remembered() {
  try {
    return localStorage.getItem(STORED_AS) ?? undefined;
  } catch {
    return undefined;
  }
}

function remember(language) {
  try {
    localStorage.setItem(STORED_AS, language);
  } catch {
    return;
  }
}
