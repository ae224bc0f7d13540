"""Draws finished searches side by side: the best networks found against the epochs that this took.

    python benchmarks/compare_runs.py NAME=RUN NAME=RUN... --plot runs.png

Prints a table: networks by outcome, epochs, the mean of the best 1, 5 and 15 that were trained to the
end, mean reward at the last epsilon. The plot has a line for every search and for 1 and 5.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from command_line import BenchmarkError, execute, parser
from matplotlib.figure import Figure
from tabulate import tabulate

from metaqnn.results.summary import cumulative_top
from metaqnn.session.find import reading


def row(name: str, ended: list[Any]) -> dict[str, Any]:
    outcomes = [network.outcome for network in ended]
    finals = [network.final_accuracy for network in ended]
    last = [network.reward for network in ended if network.epsilon == ended[-1].epsilon]
    best = {f"top {k}": f"{100 * (cumulative_top(finals, k)[-1] or 0):.2f}%" for k in (1, 5, 15)}
    return {
        "search": name,
        "completed": outcomes.count("completed"),
        "stopped": outcomes.count("stopped"),
        "failed": len(ended) - outcomes.count("completed") - outcomes.count("stopped"),
        "epochs": sum(network.epochs_trained for network in ended),
        **best,
        f"mean reward at {ended[-1].epsilon:g}": f"{np.mean(last):.4f}",
    }


def draw(searches: dict[str, list[Any]], path: Path) -> None:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for index, (name, ended) in enumerate(searches.items()):
        epochs = np.cumsum([network.epochs_trained for network in ended])
        finals = [network.final_accuracy for network in ended]
        for k, style in ((1, "-"), (5, "--")):
            accuracy = [np.nan if y is None else 100 * y for y in cumulative_top(finals, k)]
            label = f"{name}, {'best' if k == 1 else 'mean of the best 5'}"
            axes.step(epochs, accuracy, style, where="post", color=f"C{index}", label=label)
    axes.set_xlabel("epochs trained, all networks together")
    axes.set_ylabel("validation accuracy of completed networks, %")
    axes.set_xscale("log")
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)


def named(text: str) -> tuple[str, Path]:
    """A search and what it is called."""
    name, _, run = text.partition("=")
    if not run:
        raise argparse.ArgumentTypeError(f"{text!r} is not like NAME=RUN")
    return name, Path(run)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("runs", nargs="+", type=named, metavar="NAME=RUN")
    options.add_argument("--plot", type=Path, required=True, metavar="PNG")
    chosen = options.parse_args()
    searches = {}
    for name, run in chosen.runs:
        with reading(run) as reader:
            searches[name] = reader.ended()
        if not searches[name]:
            raise BenchmarkError(f"in {run} no network has ended yet")
    print(tabulate([row(name, ended) for name, ended in searches.items()], headers="keys"))
    draw(searches, chosen.plot)


if __name__ == "__main__":
    execute(main)
