"""How long a browser waits for the first view of a long search: the dashboard against the report's page.

Measured in a real Chromium with an empty cache, from the beginning of the navigation until every chart in the
window is drawn, on a made-up search of --networks networks with 20 epochs each. Those of Q-values, which are
drawn on demand, do not count. Each round starts a new dashboard, which has read and drawn nothing before.
Lines:
- first view: a window of 1280 x 900;
- all charts: a window so high that all of them are in it at once;
- again: the first view once more, from a dashboard whose search has not changed since;
- metaqnn report: writing its page, which has to be done again whenever the search has gone on (once);
- report page: that page, until its first chart is drawn;
- version: what an open page asks every few seconds; table: a page of the table, filtered and sorted.

    python benchmarks/dashboard_view.py            # about 2 minutes; needs playwright and a Chromium

With --figures, instead: the processor time that a new dashboard takes to answer each figure, asked for as the
first thing (Linux only, without a browser).

    python benchmarks/dashboard_view.py --networks 5000 --figures q-kinds q-fields
"""

import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from command_line import described, execute, parser, positive, seconds
from made_up import SPACE, MadeUp, store
from playwright.sync_api import Browser, sync_playwright
from psutil import Process

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.figures import FIGURES
from metaqnn.session.run_folder import RunFolder
from state_space import Architecture

T = 20
METAQNN = [sys.executable, "-m", "metaqnn"]
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
TABLE = "/networks?text=C(64,3,1),P(2,2)&outcome=completed&sort=parameters"
WATCH = """
const drawn = (chart) => chart.querySelector("canvas, svg") !== null;
const look = () => {
  const charts = [...document.querySelectorAll(".chart:not([data-slow])")].filter(
    (chart, place) => place === 0 || chart.getBoundingClientRect().top < innerHeight);
  const ready = charts.length && charts.every((chart) => drawn(chart) || chart.dataset.state);
  if (document.readyState !== "complete" || !ready) return setTimeout(look, 5);
  requestAnimationFrame(() => document.documentElement.setAttribute("data-drawn", performance.now()));
};
look();
"""
"""Notes when the charts in the window are drawn, the first one at least, in ms since the navigation began."""


def make_run(path: Path, count: int) -> RunFolder:
    """A search with so many finished networks: three in five stopped half way, one in fifty failed."""
    lower = tuple((tenth / 10, max(1, count // 20)) for tenth in range(9, 0, -1))
    schedule = EpsilonSchedule(((1.0, max(1, count - 9 * lower[0][1])), *lower))
    rng = np.random.default_rng(0)
    found = dict.fromkeys(SPACE.sample(rng) for _ in range(3 * schedule.total))
    networks = [
        made_up_network(architecture, schedule.epsilon(proposal), rng)
        for proposal, architecture in enumerate(islice(found, schedule.total))
    ]
    return store(path, SearchConfig.of("paper", dataset="cifar10", schedule=schedule), networks)


def made_up_network(architecture: Architecture, epsilon: float, rng: np.random.Generator) -> MadeUp:
    """A network with a saturating curve, better at a lower epsilon."""
    outcome = str(rng.choice(["completed", "stopped", "chance"], p=[0.38, 0.6, 0.02]))
    length = {"completed": T, "stopped": T // 2, "chance": 1}[outcome]
    height = 0.2 + 0.3 * rng.random() + 0.25 * (1 - epsilon)
    noise = 0.005 * rng.standard_normal(length)
    curve = 0.1 + height * (1 - 0.7 ** np.arange(1, length + 1)) + noise
    return MadeUp(architecture, epsilon, outcome, curve.tolist())


@contextmanager
def dashboard(folder: Path) -> Iterator[tuple[str, int]]:
    """The address of a run in a new dashboard, and its process."""
    command = [*METAQNN, "dashboard", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[1]
            yield f"{address}runs/{folder.name}", process.pid
        finally:
            process.terminate()


def seconds_to_view(browser: Browser, url: str, height: int) -> float:
    """From the beginning of the navigation until the charts in the window are drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": height})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(url, timeout=120_000)
    page.wait_for_selector("[data-drawn]", timeout=120_000)
    milliseconds = float(page.evaluate("document.documentElement.dataset.drawn"))
    context.close()
    return milliseconds / 1000


def fetch(url: str) -> None:
    with urllib.request.urlopen(url) as answer:
        answer.read()


def measure(browser: Browser, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Every line's times, in seconds."""
    times: dict[str, list[float]] = {}

    def note(line: str, value: float) -> None:
        times.setdefault(line, []).append(value)

    report = [*METAQNN, "report", str(folder), "--to", str(folder / "report")]
    note("metaqnn report", seconds(partial(subprocess.run, report, check=True, stdout=subprocess.DEVNULL)))
    for _ in range(rounds):
        with dashboard(folder) as (url, _):
            note("first view", seconds_to_view(browser, url, 900))
            note("again", seconds_to_view(browser, url, 900))
            note("version", seconds(partial(fetch, f"{url}/version")))
            note("table", seconds(partial(fetch, url + TABLE)))
        with dashboard(folder) as (url, _):
            note("all charts", seconds_to_view(browser, url, 10_000))
        page = (folder / "report" / "index.html").as_uri()
        note("report page", seconds_to_view(browser, page, 900))
    return times


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    times = Process(pid).cpu_times()
    return times.user + times.system


def time_figures(folder: Path, names: list[str], rounds: int) -> None:
    for name in names:
        values = []
        for _ in range(rounds):
            with dashboard(folder) as (url, pid):
                before = processor_seconds(pid)
                fetch(f"{url}/figures/{name}.json")
                values.append(processor_seconds(pid) - before)
        print(f"{name:16s} {median(values):5.2f} ({min(values):.2f} to {max(values):.2f})", flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--networks", type=positive, default=10_000)
    options.add_argument("--rounds", type=positive, default=5)
    options.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options.add_argument(
        "--figures",
        nargs="*",
        choices=[figure.name for figure in FIGURES],
        metavar="NAME",
        help="processor time of these, or of all",
    )
    chosen = options.parse_args()
    print(" ".join(sys.argv))
    if chosen.figures is not None:
        with tempfile.TemporaryDirectory() as parent:
            folder = make_run(Path(parent) / "long", chosen.networks)
            print(f"{described()}; {chosen.networks:,} networks; processor seconds, n = {chosen.rounds}")
            time_figures(folder.path, chosen.figures or [figure.name for figure in FIGURES], chosen.rounds)
        return
    with tempfile.TemporaryDirectory() as parent, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=CHROMIUM)
        print(f"{described('Starlette', 'Altair')}, Chromium {browser.version}")
        folder = make_run(Path(parent) / "long", chosen.networks)
        megabytes = folder.database.stat().st_size / 1e6
        size = f"{chosen.networks:,} networks, {megabytes:.0f} MB"
        print(f"{size}; seconds, median (range) of {chosen.rounds}; of the report 1")
        for line, values in measure(browser, folder.path, chosen.rounds).items():
            print(f"{line:16s} {median(values):7.3f} ({min(values):.3f} to {max(values):.3f})")


if __name__ == "__main__":
    execute(main)
