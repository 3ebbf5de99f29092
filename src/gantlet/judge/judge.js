// R and G answer, while no field has the focus.
document.addEventListener("keydown", (event) => {
  const field = event.target.closest && event.target.closest("input, textarea");
  if (field || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const name = { r: "real", g: "generated" }[event.key.toLowerCase()];
  const button = name && document.getElementById(name);
  if (button && button.offsetParent !== null) button.click();
});
