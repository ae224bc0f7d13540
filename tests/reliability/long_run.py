"""A long search in one process, with samples of its memory, open files and database size.

    PYTHONPATH=benchmarks python tests/reliability/long_run.py FOLDER --curves metaqnn_cifar10.csv

Curves come from the surrogate trainer, so that only the search itself costs time. Prints a line of CSV per
sample.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

from psutil import Process
from surrogate_search import World, surrogate

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.database.engine import sqlite_url
from metaqnn.executors import SerialExecutor
from metaqnn.search.events import Job, SearchListener
from metaqnn.search.loop import Search
from metaqnn.search.rule import stopping_rule


class Sampler(SearchListener):
    """Prints what the process holds after every so many networks."""

    def __init__(self, folder: Path, every: int) -> None:
        self._folder, self._every, self._count = folder, every, 0
        self._started = time.monotonic()
        print("networks,seconds,resident_mb,peak_mb,open_files,database_mb,log_mb", flush=True)

    def finished(self, job: Job, result: object) -> None:
        """Count the network, and sample now and then."""
        self._count += 1
        if self._count % self._every == 0:
            self._print()

    def _print(self) -> None:
        resident = Process().memory_info().rss / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        files = Process().num_fds()
        sizes = [
            sum(f.stat().st_size for f in self._folder.glob(name)) / 1e6
            for name in ("search.db", "search.db-wal")
        ]
        seconds = time.monotonic() - self._started
        figures = [
            f"{seconds:.0f}",
            f"{resident:.0f}",
            f"{peak:.0f}",
            str(files),
            *(f"{s:.1f}" for s in sizes),
        ]
        print(",".join([str(self._count), *figures]), flush=True)


def main() -> int:
    """Run the search."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--curves", required=True, help="recorded curves of named architectures (CSV)")
    parser.add_argument("--networks", type=int, default=50_000)
    parser.add_argument("--every", type=int, default=1000)
    parser.add_argument("--stopping", default="rank-envelope")
    options = parser.parse_args()
    half = options.networks // 2
    schedule = EpsilonSchedule.parse(f"1.0:{half},0.1:{options.networks - half}")
    config = SearchConfig.of("paper", dataset="cifar10", schedule=schedule, stopping=options.stopping)
    options.folder.mkdir(parents=True, exist_ok=True)
    record = SearchRecord(config, (3, 32, 32), 10, "0" * 64, {}, {})
    database = ReplayDatabase.create(sqlite_url(options.folder / "search.db"), record)
    trainer = surrogate(World(options.curves))
    space, rule = config.space(3, 32, 10), stopping_rule(config)
    search = Search(config, space, database, rule, chance=trainer.chance)
    search.run(SerialExecutor(trainer), Sampler(options.folder, options.every))
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
