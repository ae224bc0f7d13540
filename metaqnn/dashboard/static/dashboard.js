// Draws the charts of a page when they come into view, and keeps the page up to date while a search runs.
"use strict";

const SHORTEST_WAIT = 2000; // milliseconds between two checks whether the search has changed
const IDLE_FACTOR = 10; // after a refresh, wait this many times as long as it took
const EMBED = { actions: false, ast: true, renderer: "canvas", defaultStyle: false, tooltip: { disableDefaultStyle: true } };
// `ast`: expressions are interpreted, not compiled, as the page's security policy demands.

const drawings = new Map(); // chart's element -> its specification and Vega-Embed's result
const near = new Set(); // charts in or near the window
const outdated = new Set(); // charts whose search has progressed since

// Charts

function say(chart, state, sentence) {
  drawings.get(chart)?.view.finalize();
  drawings.delete(chart);
  chart.replaceChildren(paragraph(sentence));
  chart.dataset.state = state;
}

function paragraph(sentence) {
  const line = document.createElement("p");
  line.textContent = sentence;
  return line;
}

async function draw(chart) {
  const response = await fetch(chart.dataset.chart, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(await response.text());
  const version = response.headers.get("ETag");
  if (version === chart.dataset.version) {
    chart.querySelector("button")?.parentElement.remove();
    return;
  }
  const answer = await response.json();
  if (answer.nothing) say(chart, "nothing", answer.nothing);
  else await show(chart, answer.spec, answer.words ?? []);
  chart.dataset.version = version;
}

async function show(chart, spec, words) {
  const holder = document.createElement("div");
  holder.className = "coming"; // hidden, so that the older drawing stays until this one is ready
  chart.append(holder);
  spec.description ??= chart.closest("section").querySelector("h2").textContent; // for screen readers
  const view = await embedThemed(holder, spec, EMBED);
  drawings.get(chart)?.view.finalize();
  drawings.set(chart, { spec, words, view });
  holder.classList.remove("coming");
  chart.replaceChildren(holder, ...words.map(paragraph));
  chart.dataset.state = "drawn";
}

async function tryToDraw(chart) {
  try {
    await draw(chart);
  } catch (error) {
    say(chart, "failed", `This figure cannot be drawn: ${error.message}`);
    delete chart.dataset.version;
  }
  if ("slow" in chart.dataset && chart.dataset.state !== "drawn") offer(chart, "");
}

// Slow figures are drawn once, after all others; then on demand, by a button.
function offer(chart, sentence) {
  if (chart.querySelector("button")) return;
  const button = document.createElement("button");
  button.textContent = chart.dataset.version ? "Draw again" : "Draw";
  const line = document.createElement("p");
  line.append(button, ` ${sentence}`);
  chart.append(line);
  button.addEventListener("click", () => {
    button.disabled = true;
    button.textContent = "Drawing …";
    tryToDraw(chart);
  });
}

const watching = new IntersectionObserver(
  async (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) near.add(target);
      else near.delete(target);
      if (isIntersecting && (!target.dataset.state || outdated.delete(target))) await tryToDraw(target);
    }
    drawTheRest();
  },
  { rootMargin: "200px" },
);

// One after the other, so that all of them are there when the page is printed.
async function drawTheRest() {
  const missing = [...document.querySelectorAll(".chart:not([data-state])")];
  for (const chart of missing.sort((a, b) => ("slow" in a.dataset) - ("slow" in b.dataset))) {
    if (chart.dataset.state) continue; // has come into view meanwhile
    if (!chart.offsetParent) continue; // hidden until there is something to show
    chart.dataset.state = "coming";
    await tryToDraw(chart);
  }
}

for (const chart of document.querySelectorAll(".chart")) {
  if (!("slow" in chart.dataset)) watching.observe(chart);
}

whenThemeChanges(async () => {
  for (const [chart, { spec, words }] of drawings) await show(chart, spec, words);
});

// The page follows the search

function replaceLiveParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || other.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const open = [...part.querySelectorAll("details[open]")].map((element) => element.id);
    const ticked = new Set([...part.querySelectorAll("input:checked")].map((box) => box.value));
    part.replaceChildren(...other.childNodes);
    for (const box of part.querySelectorAll("input")) box.checked = ticked.has(box.value);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

async function refresh(version) {
  const ofSearch = `-${version.split("_")[0]}"`; // in the ETags of figures that are up to date
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`This page cannot be brought up to date: ${response.status}`);
  replaceLiveParts(new DOMParser().parseFromString(await response.text(), "text/html"));
  for (const chart of document.querySelectorAll(".chart[data-state]")) {
    if ("slow" in chart.dataset) {
      if (!chart.dataset.version?.endsWith(ofSearch)) offer(chart, "The search has progressed since.");
    } else if (near.has(chart)) await tryToDraw(chart);
    else outdated.add(chart);
  }
  drawTheRest(); // which were hidden while there was nothing to show
}

function tell(trouble) {
  const line = document.getElementById("trouble");
  line.textContent = trouble;
  line.hidden = !trouble;
}

async function look() {
  const started = performance.now();
  try {
    const page = document.body.dataset;
    const response = await fetch(page.versionAt, { headers: { Accept: "text/plain" } });
    const answer = await response.text();
    tell(response.ok ? "" : answer);
    if (response.ok && answer !== page.version) {
      await refresh(answer);
      page.version = answer;
    }
  } catch (error) {
    tell(error instanceof TypeError ? "The dashboard does not respond. Is it still running?" : error.message);
  }
  setTimeout(lookIfSeen, Math.max(SHORTEST_WAIT, IDLE_FACTOR * (performance.now() - started)));
}

function lookIfSeen() {
  if (!document.hidden) look();
  else document.addEventListener("visibilitychange", lookIfSeen, { once: true });
}

if (document.body.dataset.versionAt) setTimeout(lookIfSeen, SHORTEST_WAIT);
