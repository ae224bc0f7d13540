"use strict";
// `ast` lets Vega interpret its expressions, so that the page's policy can forbid eval.
const options = {
  ast: true,
  renderer: "svg",
  actions: { export: true, source: false, compiled: false, editor: false },
};
for (const place of document.querySelectorAll(".chart")) {
  const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
  vegaEmbed(place, spec, { ...options, downloadFileName: place.dataset.name }).catch((error) => {
    place.textContent = `This figure cannot be drawn: ${error.message}`;
    console.error(error);
  });
}
