"""What the coordinator of a search costs as networks and workers grow: docs/scaling.md has its numbers.

Workers are simulated: each trains one network and reports epochs in a random order among all workers, as fast
as the coordinator takes them. So all time that passes is the coordinator's: walks, decisions of the stopping
rule (fits included), forecasts of rewards, replay and the database. Printed for every --every networks:
- events (epochs and ends of trainings) a second since the line before, which is what saturates;
- how many events are stored together, on average;
- the time from taking in an event to its answer: median, 99th percentile and the longest;
- the database's size, and the memory that the process holds.
Seconds are those of the processor, which other programs on the machine disturb less; waiting for the disk is
not in them. --start N begins with N finished networks, made up and stored directly, the same for each number
of workers; with --folder they are kept there for the next time.
Compared in the same run: the same search with one worker (--workers 1,1000).

    python benchmarks/coordinator.py --networks 10000 --workers 1,1000
    python benchmarks/coordinator.py --networks 101000 --start 100000 --workers 1000 --every 250
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import process_time

import numpy as np
from command_line import BenchmarkError, described, execute, numbers, parser, positive
from psutil import Process

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.database import NetworkResult, ReplayDatabase, SearchRecord
from metaqnn.executors import Coordinator, Task
from metaqnn.executors.pool import TOGETHER
from metaqnn.search.agent import QLearner
from metaqnn.search.loop import Search
from metaqnn.search.rule import stopping_rule
from metaqnn.session.run_folder import RunFolder
from predictor.curves.options import MANY, whole
from state_space import Architecture, preset
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance

SPACE = preset("cifar10")
T = 20


class SimulatedWorkers:
    """Executor of n workers that take no time: whenever the coordinator can listen, all have sent something.

    It listens as `PoolExecutor` does.
    """

    def __init__(self, workers: int, every: int, finished: int, database: Path) -> None:
        self.workers = workers
        self._every = every
        self._database = database
        self._rng = np.random.default_rng(0)
        self._running: list[tuple[Task, Iterator[EpochReport]]] = []
        self._latencies: list[float] = []
        self._finished = self._printed = finished
        self._events = self._blocks = 0

    def run(self, coordinator: Coordinator) -> None:
        self._go_on(coordinator)
        self._started = process_time()
        while self._running:
            self._go_on(coordinator)

    def _go_on(self, coordinator: Coordinator) -> None:
        """Events that are stored together, and the time until they were answered."""
        order = self._rng.permutation(len(self._running)).tolist()
        ended, heard, began = [], [], process_time()
        with coordinator.together():
            while order and process_time() - began < TOGETHER:
                index = order.pop()
                heard.append(process_time())
                if self._step(coordinator, *self._running[index]):
                    ended.append(index)
            for index in sorted(ended, reverse=True):
                self._running.pop(index)
            while len(self._running) < self.workers and (task := coordinator.next_task()) is not None:
                self._running.append((task, curve(task)))
        answered = process_time()
        self._latencies += [answered - one for one in heard]
        self._events, self._blocks = self._events + len(heard) + len(ended), self._blocks + 1
        before, self._finished = self._finished, self._finished + len(ended)
        if before // self._every < self._finished // self._every:
            self._print()

    def _step(self, coordinator: Coordinator, task: Task, epochs: Iterator[EpochReport]) -> bool:
        """One epoch of a network; whether it was the last."""
        report = next(epochs)
        stop = coordinator.on_epoch(task, report)
        if not stop and report.epoch < T:
            return False
        outcome = Outcome.STOPPED if stop else Outcome.COMPLETED
        coordinator.on_result(task, TrainingResult(outcome, (), 1e-3, 1, 1.0, "simulated"))
        return True

    def _print(self) -> None:
        seconds = process_time() - self._started
        median, late = 1000 * np.percentile(self._latencies, [50, 99])
        size = sum(path.stat().st_size for path in self._database.parent.glob(self._database.name + "*"))
        print(
            f"{self.workers:7,d} {self._finished:9,d} {self._events / seconds:9,.0f} "
            f"{(self._finished - self._printed) / seconds:11,.1f} {self._events / self._blocks:8.1f} "
            f"{median:9.2f} {late:8.2f} {1000 * max(self._latencies):7.0f} "
            f"{size / 1e6:11.1f} {Process().memory_info().rss / 1e6:9.0f}",
            flush=True,
        )
        self._latencies.clear()
        self._events, self._blocks, self._printed = 0, 0, self._finished
        self._started = process_time()


def curve(task: Task) -> Iterator[EpochReport]:
    """A saturating curve whose height depends on the network, with some noise."""
    rng = np.random.default_rng(task.seed)
    depth = min(task.architecture.depth, 12) / 12
    height, speed = 0.2 + 0.5 * depth * rng.random() + 0.1 * rng.random(), rng.uniform(0.5, 0.8)
    for epoch in range(1, T + 1):
        accuracy = 0.1 + height * (1 - speed**epoch) + 0.005 * rng.standard_normal()
        yield EpochReport(1, 1e-3, epoch, max(accuracy, 0.16), 1.0, 1.0)


def store_finished(database: ReplayDatabase, networks: int) -> None:
    """Networks that end as in a long search: the best 2% after two epochs are completed."""
    agent, rng = QLearner(SPACE), np.random.default_rng(1)
    known: set[Architecture] = set()
    early: list[float] = []
    with database.together():
        while len(known) < networks:
            architecture = agent.sample(1.0, rng)
            if architecture in known:
                continue
            known.add(architecture)
            reports = curve(Task(len(known), architecture, len(known)))
            trained = list(islice(reports, 2))
            if len(early) < 500:
                early.append(trained[-1].accuracy)
                least = np.quantile(early, 0.98)
            if len(known) <= 6 or trained[-1].accuracy > least:
                trained += reports
            store_one(database, architecture, len(known), trained)


def store_one(
    database: ReplayDatabase, architecture: Architecture, number: int, reports: list[EpochReport]
) -> None:
    """A proposal, epochs and the end of one network."""
    shape, classes = SPACE.input_shape, SPACE.num_classes
    counts = {
        "parameters": architecture.parameters(shape, classes),
        "depth": architecture.depth,
        "num_params": architecture.weights(shape),
        "macs": architecture.macs(shape, classes),
    }
    facts = {"number": number, "architecture": str(architecture), **counts}
    network_id = database.propose(number - 1, 1.0, facts)
    for report in reports:
        database.add_epoch(network_id, report)
    y, epochs = reports[-1].accuracy, len(reports)
    if epochs == T:
        result = NetworkResult("completed", y, 1, T, y, y, seconds=1.0)
    else:
        result = NetworkResult("stopped", y + 0.1, 1, epochs, y, None, y + 0.1, seconds=1.0)
    database.finish(network_id, result, number, {number - 1: number - 1})


def made_start(folder: Path, networks: int) -> Path:
    """The run folder of a search of so many finished networks, kept for the next time."""
    path = folder / f"{networks}-finished"
    if not path.exists():
        run = RunFolder(folder / f"{networks}-unfinished")
        shutil.rmtree(run.path, ignore_errors=True)
        run.path.mkdir(parents=True)
        config = SearchConfig.of("paper", dataset="cifar10")
        record = SearchRecord(config, SPACE.input_shape, 10, "0" * 64, {}, {})
        with closing(ReplayDatabase.create(run.url, record)) as database:
            store_finished(database, networks)
        run.path.rename(path)
    return path


def measure(start: Path, networks: int, workers: int, every: int, stopping: str) -> None:
    """One search that goes on to that many networks, from a copy of the start."""
    schedule = EpsilonSchedule(((1.0, networks - networks // 10), (0.1, networks // 10)))
    config = SearchConfig.of("paper", dataset="cifar10", schedule=schedule, stopping=stopping)
    with tempfile.TemporaryDirectory() as temporary:
        run = RunFolder(shutil.copytree(start, Path(temporary) / "run"))
        with closing(ReplayDatabase.open(run.url)) as database:
            search = Search(config, SPACE, database, stopping_rule(config), chance=Chance(0.1, 0.15))
            search.run(SimulatedWorkers(workers, every, search.trained, run.database))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--networks", type=positive, default=10_000)
    options.add_argument(
        "--start", type=whole(0, MANY), default=0, help="networks that have finished before the start"
    )
    options.add_argument("--folder", type=Path, help="where the start is kept for the next time")
    options.add_argument(
        "--workers", type=numbers(1), default=[1, 1000], help="numbers of workers, such as 1,1000"
    )
    options.add_argument("--every", type=positive, help="networks per line (default: a fifth)")
    options.add_argument("--stopping", default="rank-envelope")
    chosen = options.parse_args()
    if chosen.start >= chosen.networks:
        raise BenchmarkError(f"--start {chosen.start} leaves nothing to do of --networks {chosen.networks}")
    print(f"{' '.join(sys.argv)}\n{described('SQLAlchemy', 'numpy', used='one used')}")
    print("workers  networks  events/s  networks/s together median ms  99th ms  max ms database MB memory MB")
    every = chosen.every or max(1, (chosen.networks - chosen.start) // 5)
    with tempfile.TemporaryDirectory() as temporary:
        start = made_start(chosen.folder or Path(temporary), chosen.start)
        for workers in chosen.workers:
            measure(start, chosen.networks, workers, every, chosen.stopping)


if __name__ == "__main__":
    execute(main)
