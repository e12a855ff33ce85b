// <time datetime="…Z" data-local>: shown in the reader's own time zone; UTC stays in the title.
const DATE_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

localize(document);
document.addEventListener("htmx:load", (event) => localize(event.target));

function localize(root) {
  root.querySelectorAll("time[data-local]").forEach((element) => {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) return;
    element.title = `${moment.toISOString().slice(0, 19).replace("T", " ")} UTC`;
    element.textContent = DATE_AND_TIME.format(moment);
    element.removeAttribute("data-local");
  });
}
