"""A stopping rule of `predictor` in a plain training loop, against no stopping and the usual patience.

    python examples/plain_loop.py

The same settings, drawn at random, are trained in the same order by each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial

from digits import Found, compare, draw_settings, parse, train

from predictor.integrations.recorded import CurveStore
from predictor.rules.names import make_rule

T = 30
Setting = dict[str, float]
Loop = Callable[[Setting, Iterator[float]], list[float]]


def to_the_end(setting: Setting, accuracies: Iterator[float]) -> list[float]:
    """No stopping."""
    return list(accuracies)


def with_patience(setting: Setting, accuracies: Iterator[float], patience: int = 3) -> list[float]:
    """Stop after three epochs without a new best of this training."""
    curve: list[float] = []
    for accuracy in accuracies:
        curve.append(accuracy)
        if len(curve) - 1 - curve.index(max(curve)) >= patience:
            break
    return curve


def with_rule(store: CurveStore, setting: Setting, accuracies: Iterator[float]) -> list[float]:
    """Stop when the rule does: compared with the trainings in the store, where this one is added, too."""
    with store.training(make_rule("rank-envelope"), setting) as training:
        for accuracy in accuracies:
            if training.report(accuracy).stop:
                break
    return training.values


def search(loop: Loop, trainings: int, seed: int) -> Found:
    """Train all settings of a seed."""
    settings = draw_settings(trainings, seed)
    curves = [loop(setting, train(setting, T, seed=number)) for number, setting in enumerate(settings)]
    return Found(sum(map(len, curves)), max(map(max, curves)))


def search_with_rule(trainings: int, seed: int) -> Found:
    """The same, with a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = CurveStore(f"{folder}/curves.npz", T, metric="accuracy")
        return search(partial(with_rule, store), trainings, seed)


def main() -> None:
    """Run the searches and print the table."""
    arguments = parse(__doc__, trainings=40, seeds=5)
    searches = {
        "no stopping": partial(search, to_the_end, arguments.trainings),
        "patience 3": partial(search, with_patience, arguments.trainings),
        "rank envelope": partial(search_with_rule, arguments.trainings),
    }
    compare(searches, arguments.seeds, f"A plain loop, {arguments.trainings} trainings of {T} epochs")


if __name__ == "__main__":
    main()
