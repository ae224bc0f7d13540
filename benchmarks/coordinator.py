"""What the coordinator of a search costs as networks and workers grow: docs/scaling.md has its numbers.

Workers are simulated: each trains one network and reports epochs in a random order among all workers, as fast
as the coordinator takes them. So all time that passes is the coordinator's: walks, decisions of the stopping
rule (fits included), replay and the database. Printed for every --every networks:
- events (epochs and ends of trainings) a second since the line before, which is what saturates;
- the time from an epoch's arrival to its answer: median, 99th percentile and the longest;
- the database's size, and the memory that the process holds.
Seconds are those of the processor, which other programs on the machine disturb less; waiting for the disk is
not in them.
Compared in the same run: the same search with one worker (--workers 1,1000).

    python benchmarks/coordinator.py --networks 10000 --workers 1,1000       # about 12 minutes
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import process_time

import numpy as np
import sqlalchemy
from machine import processor

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.executors import Coordinator, Task
from metaqnn.search.loop import Search
from metaqnn.session.rule import stopping_rule
from metaqnn.session.run_folder import RunFolder
from state_space import preset
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance

SPACE = preset("cifar10")
T = 20


class SimulatedWorkers:
    """Executor of n workers that take no time."""

    def __init__(self, workers: int, every: int, database: Path) -> None:
        self.workers = workers
        self._every = every
        self._database = database
        self._rng = np.random.default_rng(0)
        self._latencies: list[float] = []
        self._finished = self._events = 0

    def run(self, coordinator: Coordinator) -> None:
        started = process_time()
        running: list[tuple[Task, Iterator[EpochReport]]] = []
        while True:
            while len(running) < self.workers and (task := coordinator.next_task()) is not None:
                running.append((task, curve(task)))
            if not running:
                return
            index = int(self._rng.integers(len(running)))
            if self._step(coordinator, *running[index]):
                running[index] = running[-1]
                running.pop()
                if self._finished % self._every == 0:
                    self._print(process_time() - started)
                    started = process_time()

    def _step(self, coordinator: Coordinator, task: Task, epochs: Iterator[EpochReport]) -> bool:
        """One epoch of a network; whether it was the last."""
        report = next(epochs)
        started = process_time()
        stop = coordinator.on_epoch(task, report)
        self._latencies.append(process_time() - started)
        self._events += 1
        if not stop and report.epoch < T:
            return False
        outcome = Outcome.STOPPED if stop else Outcome.COMPLETED
        coordinator.on_result(task, TrainingResult(outcome, (), 1e-3, 1, 1.0, "simulated"))
        self._finished, self._events = self._finished + 1, self._events + 1
        return True

    def _print(self, seconds: float) -> None:
        median, late = 1000 * np.percentile(self._latencies, [50, 99])
        size = sum(path.stat().st_size for path in self._database.parent.glob(self._database.name + "*"))
        print(
            f"{self.workers:7,d} {self._finished:9,d} {self._events / seconds:9,.0f} "
            f"{self._finished_rate(seconds):11,.1f} {median:10.2f} {late:9.2f} "
            f"{1000 * max(self._latencies):9.0f} {size / 1e6:12.1f} {resident() / 1e6:10.0f}",
            flush=True,
        )
        self._latencies.clear()
        self._events = 0

    def _finished_rate(self, seconds: float) -> float:
        return self._every / seconds


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def curve(task: Task) -> Iterator[EpochReport]:
    """A saturating curve whose height depends on the network, with some noise."""
    rng = np.random.default_rng(task.seed)
    depth = min(task.architecture.depth, 12) / 12
    height, speed = 0.2 + 0.5 * depth * rng.random() + 0.1 * rng.random(), rng.uniform(0.5, 0.8)
    for epoch in range(1, T + 1):
        accuracy = 0.1 + height * (1 - speed**epoch) + 0.005 * rng.standard_normal()
        yield EpochReport(1, 1e-3, epoch, max(accuracy, 0.16), 1.0, 1.0)


def measure(folder: Path, networks: int, workers: int, every: int, stopping: str) -> None:
    """One search of that many networks."""
    schedule = EpsilonSchedule(((1.0, networks - networks // 10), (0.1, networks // 10)))
    config = SearchConfig.of("paper", dataset="cifar10", schedule=schedule, stopping=stopping)
    run = RunFolder(folder / f"{workers}-workers")
    run.path.mkdir()
    record = SearchRecord(config, SPACE.input_shape, 10, "0" * 64, {}, {})
    with closing(ReplayDatabase.create(run.url, record)) as database:
        Search(config, SPACE, database, stopping_rule(config), chance=Chance(0.1, 0.15)).run(
            SimulatedWorkers(workers, every, run.database)
        )


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--networks", type=int, default=10_000)
    options.add_argument("--workers", default="1,1000", help="numbers of workers, separated by commas")
    options.add_argument("--every", type=int, help="networks for each line (default: a fifth of them)")
    options.add_argument("--stopping", default="rank-envelope")
    chosen = options.parse_args()
    print(" ".join(sys.argv))
    print(
        f"{processor()}, {os.cpu_count()} cores, one used; load average {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, SQLAlchemy {sqlalchemy.__version__}, numpy {np.__version__}"
    )
    print("workers  networks  events/s  networks/s  median ms  99th ms    max ms  database MB  memory MB")
    for workers in chosen.workers.split(","):
        with tempfile.TemporaryDirectory() as folder:
            every = chosen.every or chosen.networks // 5
            measure(Path(folder), chosen.networks, int(workers), every, chosen.stopping)


if __name__ == "__main__":
    main()
