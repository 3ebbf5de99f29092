// R and G answer, while no field has the focus.
document.addEventListener("keydown", (event) => {
  const field = event.target.closest && event.target.closest("input, textarea");
  if (field || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const name = { r: "real", g: "generated" }[event.key.toLowerCase()];
  const button = name && document.getElementById(name);
  if (button && button.offsetParent !== null) button.click();
});

// A timed image that is still hidden has been seen by nobody.
let cameIntoView = "";
document.addEventListener("animationend", (event) => {
  if (event.animationName.startsWith("show-")) cameIntoView = event.animationName;
});
const isToCome = () => {
  const image = document.querySelector(".timed img");
  if (!image || cameIntoView === `show-${image.dataset.item}`) return false;
  return getComputedStyle(image).visibility === "hidden";
};

// The second half of a double click would answer the next image, which nobody has looked at.
document.addEventListener("click", (event) => {
  if (!event.target.closest("#real, #generated")) return;
  if (event.detail > 1 || isToCome()) event.stopPropagation();
}, true);

// So would a key that is held down on a button.
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.target.closest("#real, #generated")) event.preventDefault();
});
