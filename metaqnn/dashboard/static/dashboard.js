// Draws the charts of a page when they come into view, and keeps the page up to date while a search runs.
"use strict";

const SHORTEST_WAIT = 2000; // milliseconds between two checks whether the search has changed
const IDLE_FACTOR = 10; // after a refresh, wait this many times as long as it took
const EMBED = { actions: false, ast: true, renderer: "canvas", defaultStyle: false, tooltip: { disableDefaultStyle: true } };
// `ast`: expressions are interpreted, not compiled, as the page's security policy wants it.

const views = new Map(); // chart's element -> Vega-Embed's result

// Charts

function say(chart, state, sentence) {
  views.get(chart)?.finalize();
  views.delete(chart);
  const line = document.createElement("p");
  line.textContent = sentence;
  chart.replaceChildren(line);
  chart.dataset.state = state;
}

async function draw(chart) {
  const response = await fetch(chart.dataset.chart, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(await response.text());
  const version = response.headers.get("ETag");
  if (version === chart.dataset.version) return;
  const answer = await response.json();
  if (answer.nothing) say(chart, "nothing", answer.nothing);
  else await show(chart, answer.spec);
  chart.dataset.version = version;
}

async function show(chart, spec) {
  const holder = document.createElement("div");
  holder.className = "coming"; // hidden, so that the older drawing stays until this one is ready
  chart.append(holder);
  spec.description ??= chart.closest("section").querySelector("h2").textContent; // for screen readers
  const view = await vegaEmbed(holder, spec, EMBED);
  views.get(chart)?.finalize();
  views.set(chart, view);
  holder.classList.remove("coming");
  chart.replaceChildren(holder);
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

// Slow figures are drawn on demand, by a button.
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

const inView = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((entry) => entry.isIntersecting)) {
      inView.unobserve(entry.target);
      tryToDraw(entry.target);
    }
  },
  { rootMargin: "200px" },
);

for (const chart of document.querySelectorAll(".chart")) {
  if ("slow" in chart.dataset) offer(chart, "The Q-values must be restored first, which takes some seconds for a long search.");
  else inView.observe(chart);
}

// The page follows the search

function replaceLiveParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || other.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const open = [...part.querySelectorAll("details[open]")].map((element) => element.id);
    part.replaceChildren(...other.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  replaceLiveParts(new DOMParser().parseFromString(await response.text(), "text/html"));
  for (const chart of document.querySelectorAll(".chart[data-state]")) {
    if ("slow" in chart.dataset) offer(chart, "The search has progressed since.");
    else await tryToDraw(chart);
  }
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
      await refresh();
      page.version = answer;
    }
  } catch {
    tell("The dashboard does not respond. Is it still running?");
  }
  setTimeout(lookIfSeen, Math.max(SHORTEST_WAIT, IDLE_FACTOR * (performance.now() - started)));
}

function lookIfSeen() {
  if (!document.hidden) look();
  else document.addEventListener("visibilitychange", lookIfSeen, { once: true });
}

if (document.body.dataset.versionAt) setTimeout(lookIfSeen, SHORTEST_WAIT);
