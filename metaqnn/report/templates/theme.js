"use strict";
// Charts in the colours of the page: as specified on a light one, each colour's counterpart on a dark one.
const DARK_COLOURS = new Map(Object.entries(/* colours */ {}));
const darkScreen = matchMedia("screen and (prefers-color-scheme: dark)");

function recoloured(part) {
  if (typeof part === "string") return DARK_COLOURS.get(part) ?? part;
  if (Array.isArray(part)) return part.map(recoloured);
  if (part === null || typeof part !== "object") return part;
  const unchanged = ["datasets", "values"]; // what is shown, not how
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) => [key, unchanged.includes(key) ? value : recoloured(value)]),
  );
}

// vegaEmbed in the colours of the page; `place` says which, for paper.
function embedThemed(place, spec, options) {
  place.dataset.theme = darkScreen.matches ? "dark" : "light";
  return vegaEmbed(place, darkScreen.matches ? recoloured(spec) : spec, options);
}

// Calls `redraw` when the user changes the colours of the screen; printing is no such change.
function whenThemeChanges(redraw) {
  darkScreen.addEventListener("change", () => matchMedia("print").matches || redraw());
}
