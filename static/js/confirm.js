// A submit button with data-confirm="question" asks before its form is sent.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-confirm]");
  if (!button || button.dataset.confirmed) return;
  event.preventDefault();
  ask(button);
});

function ask(button) {
  const dialog = document.createElement("dialog");
  dialog.className = "confirm-dialog";
  dialog.setAttribute("aria-labelledby", "confirm-dialog-question");
  const question = document.createElement("p");
  question.id = "confirm-dialog-question";
  question.textContent = button.dataset.confirm;
  const actions = document.createElement("form");
  actions.method = "dialog";
  actions.className = "form-actions";
  actions.append(
    choice(button.textContent.trim(), "yes", "button danger primary"),
    choice("Cancel", "", "button"),
  );
  dialog.append(question, actions);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "yes") press(button);
  });
  document.body.append(dialog);
  dialog.showModal();
}

function choice(label, value, className) {
  const button = document.createElement("button");
  button.value = value;
  button.className = className;
  button.textContent = label;
  return button;
}

function press(button) {
  button.dataset.confirmed = "yes";
  button.click();
  delete button.dataset.confirmed;
}
