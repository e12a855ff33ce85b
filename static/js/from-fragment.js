// [data-from-fragment]: an empty field takes what stands behind the # of the address, which no server gets to see.
const field = document.querySelector("[data-from-fragment]");

function fill() {
  const text = location.hash.slice(1);
  if (text && !field.value) field.value = text;
}

fill();
addEventListener("hashchange", fill);
