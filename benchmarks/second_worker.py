"""What a second worker on the same device gains, by two searches of the same networks (epsilon 1, one seed).

Searches that end on the clock have trained different networks, which differ in cost a hundredfold. So only
the epochs that are in both are compared: if they take r times as long side by side, two workers train 2 / r
times as much as one. The start of workers and the time between networks are not counted.

    python benchmarks/second_worker.py RUN ALONE    # folders of a search by several workers, and by one
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from command_line import BenchmarkError, execute, parser

from predictor.files import reading_connection

EPOCHS = """
select architecture, trainings.attempt, epoch, epochs.seconds
from epochs join trainings on training_id = trainings.id join networks on network_id = networks.id
where purpose = 'search'
"""
WORKERS = "select circumstances from searches"
Epochs = dict[tuple[str, int, int], float]
"""Seconds of an epoch, by network, attempt and number."""


def read(run: Path) -> tuple[int | str, Epochs]:
    """How many workers trained last in a run folder, and the epochs there."""
    try:
        with closing(reading_connection(run / "search.db")) as database:
            [(circumstances,)] = database.execute(WORKERS)
            found = {(network, *place): seconds for network, *place, seconds in database.execute(EPOCHS)}
    except (sqlite3.Error, ValueError) as error:
        raise BenchmarkError(f"{run} has no search that can be read: {error}") from None
    return json.loads(circumstances)["workers"], found


def gain(workers: int, together: Epochs, alone: Epochs) -> str:
    """What the workers together train, as a multiple of what one does."""
    both = together.keys() & alone.keys()
    if not both:
        raise BenchmarkError("no epoch is in both searches")
    slower = sum(together[epoch] for epoch in both) / sum(alone[epoch] for epoch in both)
    networks = len({network for network, *_ in both})
    return (
        f"{len(both)} epochs of {networks} networks are in both: with {workers} workers they took "
        f"{slower:.2f} times as long, so {workers} train {workers / slower:.2f} times as much as one"
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("run", type=Path, help="folder of a search by several workers")
    options.add_argument("alone", type=Path, help="folder of the same search by one worker")
    chosen = options.parse_args()
    (workers, together), (one, alone) = read(chosen.run), read(chosen.alone)
    if one != 1 or not isinstance(workers, int):
        raise BenchmarkError(
            f"{chosen.run} has {workers} workers and {chosen.alone} {one}: give numbers, the latter 1"
        )
    print(gain(workers, together, alone))


if __name__ == "__main__":
    execute(main)
