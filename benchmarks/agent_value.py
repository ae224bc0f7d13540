"""Claim: what the Q-learning agent gains over random search with the same stopping rule and as many epochs.

Searches on the surrogate trainer, in the CIFAR-10 space unless --preset and --dataset say otherwise. For each
seed and size: a search with the published schedule in proportion, and a random one (epsilon = 1 throughout)
that goes on until it has trained as many epochs. Both stop networks by the same rule.

    python benchmarks/agent_value.py --curves metaqnn_cifar10.csv --seeds 0-19 --sizes 300,1000,2700 --jobs 2

takes about a minute of one core per seed. Each pair leaves a file in --out. Pairs that have one are not run
again, and a file of other curves, options or code is refused.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from command_line import described, execute, numbers, parser, positive
from finished import digest, store, stored
from joblib import Parallel, delayed
from search_tables import mean_and_error
from surrogate_search import World, run_search
from tabulate import tabulate

from metaqnn.config.schedule import PUBLISHED, EpsilonSchedule

LAST = 150
MEASURES = ("best trained", "top 5 trained", f"mean of the last {LAST}", "networks", "epochs")
LEAST = 27
"""With fewer networks, some stage of the published schedule would have none."""
MORE = 1.5
"""A random search that has not used up its epochs is repeated with this many times as many networks."""


def main() -> None:
    chosen = _options().parse_args()
    print(f"{' '.join(sys.argv)}\n{described(used=f'{chosen.jobs} used')}")
    pairs = [(size, seed) for size in chosen.sizes for seed in chosen.seeds]
    run = Parallel(n_jobs=chosen.jobs, return_as="generator_unordered")
    for line in run(delayed(compare)(chosen, size, seed) for size, seed in pairs):
        print(line, flush=True)
    for size in chosen.sizes:
        print(f"\n{size} networks by Q-learning, {len(chosen.seeds)} seeds\n")
        print(_table([json.loads(_file(chosen, size, seed).read_text()) for seed in chosen.seeds]))


def compare(chosen: argparse.Namespace, size: int, seed: int) -> str:
    """Run both searches of a pair and store their measures. Returns a line for people."""
    file, world = _file(chosen, size, seed), World.of(chosen)
    options = {"stopping": chosen.stopping} if chosen.stopping else {}
    by_agent = {**options, "schedule": in_proportion(size)}
    of = {**world.facts(seed, by_agent), "script": digest(Path(__file__))}
    if not stored(file, of):
        learned = run_search(world, seed, by_agent)["networks"]
        epochs, networks = sum(learned["epochs"]), MORE * size
        while sum((drawn := _random(world, seed, options, networks))["epochs"]) < epochs:
            networks *= MORE
        found = {"Q-learning": measure(learned, epochs), "random": measure(drawn, epochs)}
        store(file, of, found)
    return f"{size} networks, seed {seed}: done"


def in_proportion(size: int) -> EpsilonSchedule:
    """The published schedule with `size` networks in all."""
    ends = np.cumsum([count for _, count in PUBLISHED.stages]) * size / PUBLISHED.total
    counts = np.diff(np.round(ends).astype(int), prepend=0)
    return EpsilonSchedule(tuple((e, int(n)) for (e, _), n in zip(PUBLISHED.stages, counts, strict=True)))


def measure(networks: dict[str, list[Any]], epochs: int) -> dict[str, float]:
    """The measures of a search after so many epochs: only networks that had ended by then count."""
    spent = np.cumsum(networks["epochs"])
    n = int(np.searchsorted(spent, epochs, side="right"))
    true, trained = np.array(networks["true"][:n]), np.array(networks["outcome"][:n]) == "completed"
    best = np.sort(true[trained])[::-1]
    values = (best[0], best[:5].mean(), true[-LAST:].mean(), n, spent[n - 1])
    return {name: float(value) for name, value in zip(MEASURES, values, strict=True)}


def _random(world: World, seed: int, options: dict[str, Any], networks: float) -> dict[str, list[Any]]:
    schedule = EpsilonSchedule(((1.0, int(networks)),))
    return run_search(world, seed, {**options, "schedule": schedule})["networks"]


def _table(pairs: list[dict[str, dict[str, float]]]) -> str:
    rows = []
    for name in MEASURES:
        learned, drawn = (np.array([pair[kind][name] for pair in pairs]) for kind in ("Q-learning", "random"))
        won = f"{(learned > drawn).sum()} of {len(pairs)}"
        columns = (learned, drawn, learned - drawn)
        rows.append([name, *map(mean_and_error, columns), won])
    return tabulate(rows, ["", "Q-learning", "random", "difference", "Q-learning ahead"], tablefmt="github")


def _file(chosen: argparse.Namespace, size: int, seed: int) -> Path:
    return Path(chosen.out) / f"{size}-{seed}.json"


def _options() -> argparse.ArgumentParser:
    options = parser(__doc__)
    World.add_options(options)
    options.add_argument(
        "--seeds", type=numbers(0), default=list(range(20)), help="seeds, such as 0-19 or 3,5"
    )
    options.add_argument(
        "--sizes", type=numbers(LEAST), default=[300], help="numbers of networks, such as 300,1000"
    )
    options.add_argument("--stopping", help="a stopping rule other than the default")
    options.add_argument("--jobs", type=positive, default=1, help="pairs run side by side")
    options.add_argument("--out", default="runs/agent-value", help="folder of the finished pairs")
    return options


if __name__ == "__main__":
    execute(main)
