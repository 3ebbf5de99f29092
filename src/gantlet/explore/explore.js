// The picture is in the page already: keep it under its name.
document.addEventListener("click", (event) => {
  const image = event.target.closest("#download") && document.getElementById("shown");
  if (!image) return;
  const link = document.createElement("a");
  link.href = image.src;
  link.download = image.dataset.name;
  link.click();
});
