// form[method=post]: a second press while the first is on its way does nothing.
// A form that answers with a file (data-downloads) leaves its page where it is, so it stays usable.
const UNGUARDED = "[data-downloads], [hx-post], [data-hx-post]";
const sent = new Set();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.matches(UNGUARDED) || event.defaultPrevented) return;
  if (sent.has(form)) {
    event.preventDefault();
    return;
  }
  sent.add(form);
  show(form, "true");
});

// A page that comes back from the browser's back-forward cache is fresh again.
window.addEventListener("pageshow", () => {
  sent.forEach((form) => show(form, null));
  sent.clear();
});

// Marked, not disabled: a disabled button's name and value would not be sent.
function show(form, busy) {
  for (const button of form.querySelectorAll("button")) {
    if (busy) button.setAttribute("aria-disabled", busy);
    else button.removeAttribute("aria-disabled");
  }
}
