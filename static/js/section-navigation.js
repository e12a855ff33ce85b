// On a phone the sections are a strip that scrolls: the current one is brought into sight.
document
  .querySelector(".section-navigation [aria-current]")
  ?.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
