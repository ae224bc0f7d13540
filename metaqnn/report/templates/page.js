"use strict";
// `ast` lets Vega interpret its expressions, so that the page's policy can forbid eval.
const options = {
  ast: true,
  renderer: "svg",
  actions: { export: true, source: false, compiled: false, editor: false },
};

function draw(place) {
  const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
  const tooltip = { theme: darkScreen.matches ? "dark" : "light" };
  embedThemed(place, spec, { ...options, tooltip, downloadFileName: place.dataset.name }).catch((error) => {
    place.textContent = `This figure cannot be drawn: ${error.message}`;
    console.error(error);
  });
}

function drawAll() {
  document.querySelectorAll(".chart").forEach(draw);
}

drawAll();
whenThemeChanges(drawAll);
