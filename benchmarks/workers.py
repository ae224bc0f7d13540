"""What workers side by side on this machine gain, and what they could gain at most.

Each measurement is a whole search of the same networks (same seed, no stopping, epsilon 1), counted from the
start of the first epoch to the end of the last network: the start of the workers is hardly part of it. At the
end one worker has nothing left to do while another trains the last network: many networks of few epochs show
what a long search gets. The order of the counts of workers is reversed every other round. What they could
gain at most is measured in the same rounds: a plain process alone, and as many side by side as there are
workers, each training one and the same network on the clock. On cores that share execution units, that gain
is less than the number of processes.

    python benchmarks/workers.py --data-dir DIR         # about an hour on two cores; a warm-up comes first
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from time import monotonic

from command_line import described, execute, numbers, parser, positive

from metaqnn.config.environment import Environment
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.database import NetworkResult
from metaqnn.search.events import Job, SearchListener
from metaqnn.session.preparation import load_and_build
from metaqnn.session.run_folder import RunFolder
from metaqnn.session.start import begin, prepare
from predictor import Decision
from state_space import Architecture
from trainers import EpochReport

SAME = "[C(32,3,1), P(3,2), C(64,3,1), P(3,2), GAP(10), SM(10)]"
"""The network of the plain processes, about as costly as those of the laptop preset on average."""

PLAIN_EPOCHS = 20


class Clock(SearchListener):
    """Times of the first epoch that was stored, and of the last network."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def epoch(self, job: Job, report: EpochReport, decision: Decision | None) -> None:
        self.first = self.first or monotonic() - report.seconds

    def finished(self, job: Job, result: NetworkResult) -> None:
        self.last = monotonic()


def searched(config: SearchConfig, environment: Environment) -> float:
    """Networks a minute of a search."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        session = begin(prepare(config, environment), RunFolder(Path(folder)))
        session.search.run(session.executor, clock)
        session.database.close()
    return 60 * config.schedule.total / (clock.last - clock.first)


def share(barrier: Barrier) -> None:
    """Make the barrier, which only a new process can be given, known to `train_alike`."""
    global ready
    ready = barrier


def train_alike(config: SearchConfig, environment: Environment) -> float:
    """What a plain process does: train the same network, one epoch for warming up and more on the clock."""
    try:
        trainer = load_and_build(replace(config, epochs=PLAIN_EPOCHS), environment).trainer
        trainer.train(Architecture.parse(SAME), seed=1, on_epoch=lambda report: True)
    except BaseException:
        ready.abort()
        raise
    ready.wait()
    started = monotonic()
    trainer.train(Architecture.parse(SAME), seed=1)
    return monotonic() - started


def plain(config: SearchConfig, environment: Environment, count: int) -> float:
    """Networks a minute of that many plain processes together."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, share, (context.Barrier(count),)) as pool:
        trainings = [pool.submit(train_alike, config, environment) for _ in range(count)]
        return sum(60 / training.result() for training in trainings)


def alternate(measure: Callable[[int], float], counts: list[int], round_: int) -> dict[int, float]:
    """One measurement for each count, in an order that is reversed every other round."""
    return {count: measure(count) for count in (counts if round_ % 2 == 0 else counts[::-1])}


def report(name: str, rounds: list[dict[int, float]]) -> None:
    """A line for each count: the median of its rounds, and of the ratios within the rounds."""
    alone = min(rounds[0])
    for count in sorted(rounds[0]):
        rates = [measured[count] for measured in rounds]
        ratio = median(measured[count] / measured[alone] for measured in rounds)
        spread = f"{min(rates):.2f} to {max(rates):.2f}"
        print(f"{name:16} {count:7d} {median(rates):17.2f} {spread:>16} {ratio:8.2f}", flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--dataset", default="cifar10")
    options.add_argument("--preset", default="laptop")
    options.add_argument("--data-dir")
    options.add_argument("--networks", type=positive, default=10)
    options.add_argument("--epochs", type=positive, help="of each network (default: those of the preset)")
    options.add_argument("--workers", type=numbers(1), default=[1, 2], help="numbers of workers, such as 1,2")
    options.add_argument("--rounds", type=positive, default=3)
    chosen = options.parse_args()
    schedule = EpsilonSchedule(((1.0, chosen.networks),))
    more = {} if chosen.epochs is None else {"epochs": chosen.epochs}
    config = SearchConfig.of(
        chosen.preset, dataset=chosen.dataset, schedule=schedule, stopping="none", **more
    )
    here = Environment(data_dir=chosen.data_dir, device="cpu", threads=1, download=False)
    print(f"{' '.join(sys.argv)}\n{described('torch')}")
    searched(replace(config, schedule=EpsilonSchedule(((1.0, 1),)), epochs=1), here)  # fills caches
    searches, ceilings = [], []
    for round_ in range(chosen.rounds):
        ceilings.append(alternate(lambda count: plain(config, here, count), chosen.workers, round_))
        searches.append(
            alternate(lambda count: searched(config, replace(here, workers=count)), chosen.workers, round_)
        )
    print("what             workers  networks/minute           spread    ratio")
    report("plain processes", ceilings)
    report("search", searches)


if __name__ == "__main__":
    execute(main)
