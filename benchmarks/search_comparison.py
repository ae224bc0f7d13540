"""Claim: early stopping does not harm a Q-learning search, whose rewards must not lie below its initial Q.

Whole searches of 2,700 networks (published schedule) on the surrogate trainer, for several stopping rules and
seeds; in the CIFAR-10 space unless --preset and --dataset say otherwise. Searches of one seed begin alike:
the same walks while epsilon = 1, and the same network has the same curve. The reference, in the same run, is
the search without early stopping.

    python benchmarks/search_comparison.py --curves metaqnn_cifar10.csv --seeds 0-9 --jobs 2

takes 10 to 70 s per search and core. Each search leaves a file in --out, written when it is done. Searches
that have one are not run again, and a file of other curves, options or code is refused. --csv writes every
number, --plot draws a picture.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from command_line import BenchmarkError, described, execute, numbers, parser, positive
from finished import store, stored
from joblib import Parallel, delayed
from search_measures import SearchFile
from search_tables import REFERENCE, as_table, draw, write_csv
from surrogate_search import World, run_search

from metaqnn.config.schedule import PUBLISHED, EpsilonSchedule, ScheduleError

RULES: dict[str, dict[str, Any]] = {
    "none": {"stopping": "none"},
    "published": {
        "stopping": "published:Delta=0.99,burn_in=100,target=final,n_settings=1000,refit_growth=none",
        "audit": 0.0,
    },
    "delta": {"delta": 0.99, "audit": 0.0},
    "default": {},
    "default-no-audit": {"audit": 0.0},
    "default-last-seen": {"reward": "last-seen"},
    "default-q0": {"initial_q": 0.0},
    "default-last-seen-q0": {"reward": "last-seen", "initial_q": 0.0},
    "median-last-seen": {"stopping": "median", "reward": "last-seen", "audit": 0.0},
    "median-forecast": {"stopping": "median"},
}
"""Options of `SearchConfig` that differ from the preset's; the first is the reference.

`published` is the criterion as published whatever the preset, `delta` has the preset's settings of it.
"""


def main() -> None:
    chosen = _options().parse_args()
    if chosen.plot and REFERENCE not in chosen.rules:
        raise BenchmarkError(f"--plot draws differences from {REFERENCE}, which is not in --rules")
    print(f"{' '.join(sys.argv)}\n{described(used=f'{chosen.jobs} used')}")
    files = {(rule, seed): _file(chosen, rule, seed) for seed in chosen.seeds for rule in chosen.rules}
    missing = [pair for pair, file in files.items() if not stored(file, _of(chosen, *pair))]
    run = Parallel(n_jobs=chosen.jobs, return_as="generator_unordered")
    for line in run(delayed(search)(chosen, rule, seed) for rule, seed in missing):
        print(line, flush=True)
    searches = [SearchFile.read(file) for file in files.values()]
    print(as_table(searches))
    if chosen.csv:
        write_csv(searches, chosen.csv)
    if chosen.plot:
        draw(searches, chosen.plot)


def search(chosen: argparse.Namespace, rule: str, seed: int) -> str:
    """Run one search and store it. Returns a line for people."""
    found = run_search(World.of(chosen), seed, _options_of(chosen, rule))
    store(_file(chosen, rule, seed), _of(chosen, rule, seed), {"rule": rule, **found})
    return f"{rule}, seed {seed}: {sum(found['networks']['epochs']):,} epochs, {found['seconds']:.0f} s"


def _file(chosen: argparse.Namespace, rule: str, seed: int) -> Path:
    return Path(chosen.out) / f"{rule}-{seed}.json"


def _of(chosen: argparse.Namespace, rule: str, seed: int) -> dict[str, Any]:
    return World.of(chosen).facts(seed, _options_of(chosen, rule))


def _options_of(chosen: argparse.Namespace, rule: str) -> dict[str, Any]:
    return {**RULES[rule], "schedule": chosen.schedule}


def _options() -> argparse.ArgumentParser:
    options = parser(__doc__)
    World.add_options(options)
    options.add_argument(
        "--seeds", type=numbers(0), default=list(range(10)), help="seeds, such as 0-9 or 3,5"
    )
    options.add_argument("--rules", type=_rules, default=list(RULES), help=f"some of {','.join(RULES)}")
    options.add_argument("--jobs", type=positive, default=1, help="searches run side by side")
    options.add_argument("--schedule", type=_schedule, default=PUBLISHED)
    options.add_argument("--out", default="runs/search-comparison", help="folder of the finished searches")
    options.add_argument("--csv", type=Path, help="write every number here")
    options.add_argument("--plot", type=Path, help="draw a picture here (PNG)")
    return options


def _schedule(text: str) -> EpsilonSchedule:
    try:
        return EpsilonSchedule.parse(text)
    except ScheduleError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _rules(text: str) -> list[str]:
    rules = text.split(",")
    unknown = [rule for rule in rules if rule not in RULES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}; expected some of {','.join(RULES)}")
    return rules


if __name__ == "__main__":
    execute(main)
