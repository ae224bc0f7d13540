"""Claim: all but training and stopping costs at most 50 ms per network with 10,000 networks stored (T = 20).

Agent, replay database, decisions and replay, with a trainer that returns at once and a stopping rule that
always continues: refitting the predictor is not in it. Compared in the same run:
- the same search with 100 networks in the database (it should not get slower);
- Optuna with SQLite storage and random sampling on 1,000 trials (if installed): ask, 20 reports, tell.
Also timed: `metaqnn top` on 10,000 networks once everything is imported (claim: under 1 s), and restoring
the search.

    python benchmarks/search_overhead.py          # about two minutes
"""

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from command_line import described, execute, parser, positive
from made_up import SPACE, MadeUp, store

from metaqnn.cli import main as metaqnn
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.database import ReplayDatabase
from metaqnn.executors import Coordinator
from metaqnn.search.loop import Search
from metaqnn.session.run_folder import RunFolder
from predictor import Decision, LearningCurves
from state_space import Architecture
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance

T = 20


class InstantExecutor:
    """Reports T epochs of some curve for every network at once, and notes the time that each took."""

    workers = 1

    def __init__(self) -> None:
        self.times: list[float] = []

    def run(self, coordinator: Coordinator) -> None:
        started = perf_counter()
        while (task := coordinator.next_task()) is not None:
            curve = curve_of(np.random.default_rng(task.seed))
            for epoch, accuracy in enumerate(curve, start=1):
                coordinator.on_epoch(task, EpochReport(1, 1e-3, epoch, accuracy, 1.0, 0.0))
            result = TrainingResult(Outcome.COMPLETED, tuple(curve), 1e-3, 1, 0.0, "completed")
            coordinator.on_result(task, result)
            self.times.append(perf_counter() - started)
            started = perf_counter()


class AlwaysContinue:
    """Decides as a fitted predictor does, with all its numbers, but never stops."""

    def decide(self, curve: LearningCurves, history: LearningCurves) -> Decision:
        return Decision(
            False, "p = 0.5 < Delta = 0.99", 0.5, 0.6, 0.05, float(history.final.max(initial=0.0))
        )


def curve_of(rng: np.random.Generator) -> list[float]:
    height = rng.uniform(0.3, 0.9)
    return [height * (1 - 0.7**epoch) + 0.1 for epoch in range(1, T + 1)]


def filled(path: Path, size: int, more: int) -> RunFolder:
    """A stored search of `size` finished networks that has `more` to go."""
    schedule = EpsilonSchedule(((1.0, size), (0.1, more)))
    config = SearchConfig.of("paper", dataset="cifar10", schedule=schedule, epochs=T)
    rng = np.random.default_rng(0)
    found: dict[Architecture, None] = {}
    while len(found) < size:
        found[SPACE.sample(rng)] = None
    return store(path, config, [MadeUp(network, 1.0, "completed", curve_of(rng)) for network in found])


def ours(folder: Path, size: int, count: int) -> RunFolder:
    """Time a restore and `count` networks."""
    run = filled(folder / f"run-{size}", size, count)
    started = perf_counter()
    database = ReplayDatabase.open(run.url)
    search = Search(database.record().config, SPACE, database, AlwaysContinue(), chance=Chance(0.1, 0.15))
    restore = perf_counter() - started
    executor = InstantExecutor()
    search.run(executor)
    database.close()
    show(f"ours, {size:,} networks", executor.times)
    print(f"{'  restoring it':28s} {restore:8.2f} s")
    return run


def optuna_study(folder: Path, size: int, count: int) -> None:
    try:
        import optuna
    except ImportError:
        print("Optuna is not installed: pip install optuna")
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{folder}/optuna.db",
        sampler=optuna.samplers.RandomSampler(seed=0),
        direction="maximize",
    )
    distributions = {"x": optuna.distributions.FloatDistribution(0, 1)}
    study.add_trials(
        [optuna.create_trial(params={"x": 0.5}, distributions=distributions, value=0.5) for _ in range(size)]
    )
    times = []
    for number in range(count):
        started = perf_counter()
        trial = study.ask(distributions)
        curve = curve_of(np.random.default_rng(number))
        for epoch, accuracy in enumerate(curve):
            trial.report(accuracy, epoch)
        study.tell(trial, curve[-1])
        times.append(perf_counter() - started)
    show(f"Optuna {optuna.__version__}, {size:,} trials", times)


def show(name: str, times: list[float]) -> None:
    print(
        f"{name:28s} {1000 * median(times):8.1f} ms per network "
        f"({1000 * min(times):.1f} to {1000 * max(times):.1f})  n = {len(times)} of {T} epochs"
    )


def top(run: RunFolder) -> None:
    times = []
    for _ in range(5):
        started = perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            assert metaqnn(["top", str(run.path), "-k", "10"]) == 0
        times.append(perf_counter() - started)
    print(f"{'metaqnn top -k 10':28s} {times[0]:8.3f} s the first time, {median(times):.3f} s in the median")


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--size", type=positive, default=10_000, help="networks in the database (default 10000)"
    )
    options.add_argument("--count", type=positive, default=50, help="networks timed (default 50)")
    chosen = options.parse_args()
    import metaqnn.commands.top  # noqa: F401 - its import is not timed

    print(f"{' '.join(sys.argv)}\n{described('SQLAlchemy', 'numpy', used='one used')}")
    with tempfile.TemporaryDirectory() as folder:
        ours(Path(folder), 100, chosen.count)
        top(ours(Path(folder), chosen.size, chosen.count))
        optuna_study(Path(folder), min(chosen.size, 1000), chosen.count)


if __name__ == "__main__":
    execute(main)
