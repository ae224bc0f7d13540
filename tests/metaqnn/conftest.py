"""A small search without torch training: curves are a formula of the architecture."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from metaqnn.cli import main
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.database.engine import sqlite_url
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SerialExecutor
from metaqnn.search.loop import Search
from metaqnn.search.rule import stopping_rule
from metaqnn.session.audit import Audit
from metaqnn.session.run_folder import RunFolder
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance


class FormulaTrainer:
    """Saturating curves whose height depends on the architecture; some networks never learn, some crash."""

    chance = Chance(0.1, 0.15)

    def __init__(self, epochs, *, crash=(), oom=()):
        self.epochs = epochs
        self.crash = crash
        self.oom = oom
        self.trained = []

    def train(self, architecture, *, seed, on_epoch, checkpoint=None):
        self.trained.append(str(architecture))
        if len(self.trained) in self.crash:
            raise RuntimeError("the device caught fire")
        if len(self.trained) in self.oom:
            return TrainingResult(Outcome.OUT_OF_MEMORY, (), 1e-3, 1, 0.0, "out of memory")
        rng = np.random.default_rng([seed, 1])
        height = 0.3 + 0.6 * rng.random() * architecture.depth / 8
        curve = []
        attempts = 2 if rng.random() < 0.2 else 1
        for attempt in range(1, attempts + 1):
            curve.clear()
            for epoch in range(1, self.epochs + 1):
                failing = attempt < attempts
                noise = 0.01 * rng.standard_normal()
                accuracy = 0.1 if failing else float(np.clip(height * (1 - 0.5**epoch) + noise, 0.16, 1))
                curve.append(accuracy)
                stop = on_epoch(EpochReport(attempt, 1e-3 * 0.4 ** (attempt - 1), epoch, accuracy, 1.0, 0.1))
                if failing:
                    break
                if stop:
                    return TrainingResult(Outcome.STOPPED, tuple(curve), 1e-3, attempt, 1.0, "stopped")
        return TrainingResult(Outcome.COMPLETED, tuple(curve), 1e-3, attempts, 1.0, "completed")


@pytest.fixture
def formula_trainer():
    return FormulaTrainer


def small_config():
    return SearchConfig.of(
        "first-run",
        epochs=5,
        burn_in=6,
        svr_settings=20,
        delta=0.8,
        audit=0,
        replays=20,
        schedule=EpsilonSchedule.parse("1.0:12,0.5:6,0.1:6"),
        validation_size=100,
        seed=3,
    )


@pytest.fixture
def config():
    return small_config()


def small_record(config):
    return SearchRecord(config, (1, 8, 8), 10, "0" * 64, {"python": "3"}, {})


@pytest.fixture
def record(config):
    return small_record(config)


@pytest.fixture
def space(config):
    return config.space(1, 8, 10)


@pytest.fixture
def new_database(tmp_path, config):
    """Makes a database with a fresh search in it: new_database(name, **config changes) -> (url, database)."""

    def make(name="search", **changes):
        url = sqlite_url(tmp_path / f"{name}.db")
        changed = replace(config, **changes)
        return url, ReplayDatabase.create(url, small_record(changed))

    return make


@pytest.fixture
def open_search(space):
    """Restores the search of a database: what a resume does."""

    def open_(database):
        config = database.record().config
        return Search(config, space, database, stopping_rule(config), chance=FormulaTrainer.chance)

    return open_


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A run folder with a finished search that had one crash, and a complete audit. For reading only."""
    folder, config = RunFolder(tmp_path_factory.mktemp("runs") / "finished"), small_config()
    folder.path.mkdir()
    database = ReplayDatabase.create(folder.url, small_record(config))
    rule, chance = stopping_rule(config), FormulaTrainer.chance
    search = Search(config, config.space(1, 8, 10), database, rule, chance=chance)
    search.run(SerialExecutor(FormulaTrainer(config.epochs, crash={2})))
    Audit(database, FormulaTrainer(config.epochs), config.seed, 1.0).run(lambda *_: None)
    database.close()
    return folder


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory):
    """A search of five networks on digits that kept the weights of two. For reading only."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "trained")
    search = ["--schedule", "1.0:5", "--epochs", "3", "--train-limit", "400", "--validation-size", "100"]
    here = ["--device", "cpu", "--threads", "1", "--keep-weights", "2", "--layer-limit", "3", "--quiet"]
    assert main(["run", "--run-dir", str(folder.path), *search, *here, "--no-early-stopping"]) == 0
    return folder


@pytest.fixture
def reader(finished_run):
    """A reader of the finished search."""
    with closing(finished_run.reader()) as reader:
        yield reader


@pytest.fixture
def run_copy(finished_run, tmp_path):
    """A copy of the finished run, to be changed at will."""
    return RunFolder(shutil.copytree(finished_run.path, tmp_path / "copy"))


@pytest.fixture
def searched(new_database, open_search):
    """searched(trainer, **config changes): the view of a search by that trainer; not begun if None."""
    from metaqnn.figures import SearchView  # with Altair, which most tests do not need

    readers = []

    def search(trainer, **changes):
        url, database = new_database(f"search{len(readers)}", **changes)
        if trainer is not None:
            open_search(database).run(SerialExecutor(trainer))
        database.close()
        readers.append(SearchReader(url))
        return SearchView(readers[-1])

    yield search
    for reader in readers:
        reader.close()


@pytest.fixture
def view(reader):
    """The finished search: 24 networks, one of them crashed, all stopped ones audited afterwards."""
    from metaqnn.results.view import SearchView  # with scikit-learn, which most tests do not need

    return SearchView(reader)


@pytest.fixture(scope="session")
def drawable():
    """The figures that the finished search is large enough for."""
    from metaqnn.figures import FIGURES  # with Altair, which most tests do not need

    return [figure for figure in FIGURES if figure.name != "choices"]


@pytest.fixture
def sql(finished_run):
    """sql(query): rows of the finished search, read without our code."""
    with closing(sqlite3.connect(f"file:{finished_run.database}?mode=ro", uri=True)) as connection:
        yield lambda query, *parameters: connection.execute(query, parameters).fetchall()


@pytest.fixture(scope="session")
def long_training():
    """long_training(run folder, network=..., test_errors=...): write the result of one; return its file."""

    def searched(run, number):
        if not (run / "search.db").exists():
            return "[SM(10)]"
        with closing(sqlite3.connect(f"file:{run / 'search.db'}?mode=ro", uri=True)) as connection:
            query = "SELECT architecture FROM networks WHERE number = ?"
            return connection.execute(query, (number,)).fetchone()[0]

    def write(run, *, recipe="6-epochs-0123abcd", seed=0, network=1, **values):
        usual = {
            "network": network, "architecture": searched(run, network), "outcome": "completed",
            "message": "completed",
            "attempt": 1, "learning_rate": 0.001, "training_accuracies": [0.5, 0.9], "test_errors": 3,
            "test_images": 100, "seconds": 1.0, "device": "cpu", "precision": "float32",
        }  # fmt: skip
        result = {**usual, "seed": seed, **values}
        path = run / "finetune" / recipe / f"network-{network}-seed-{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result))
        return path

    return write


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 300_000  # milliseconds to wait for anything: the machine may be busy with other work
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def browser():
    """A real browser; tests that need it are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, "--disable-sync", "--no-first-run"], timeout=PATIENCE
        )
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page in the browser, and what should not have happened there."""

    page: Any
    problems: list[str]
    requests: list[str]

    def overflow(self):
        """Pixels by which the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    def until(self, condition):
        """Wait for a condition in JavaScript, which the page's own policy would not let it evaluate."""
        for _ in range(PATIENCE // 100):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(100)
        raise TimeoutError(condition)


@pytest.fixture
def visit(browser):
    """visit(url, width=1280): the loaded page, with its errors and all the requests it makes."""
    contexts = []

    def go(url, width=1280):
        context = browser.new_context(viewport={"width": width, "height": 800})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page, problems, requests = context.new_page(), [], []
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(url)
        return Visit(page, problems, requests)

    yield go
    for context in contexts:
        context.close()
