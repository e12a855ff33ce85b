// [data-shown-when="name=value"] or "name!=value": shown only while that field of the form has that value.
document.querySelectorAll("[data-shown-when]").forEach((part) => {
  const [, name, operator, value] = part.dataset.shownWhen.match(/^(.+?)(!?=)(.*)$/);
  const form = part.closest("form");
  const update = () => {
    part.hidden = (new FormData(form).get(name) === value) !== (operator === "=");
  };
  form.addEventListener("change", update);
  // What the browser puts back after going back to the page comes after this module has run.
  window.addEventListener("pageshow", update);
  update();
});
