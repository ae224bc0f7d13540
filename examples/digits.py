"""What the examples share: scikit-learn's digits, settings drawn at random, and the table that they print."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from statistics import fmean, stdev

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from predictor.cli import Parser
from predictor.curves.options import MANY, whole
from predictor.output import text_table

N_TRAINING = 500


def parse(docstring: str, **defaults: int) -> argparse.Namespace:
    """An example's options: how many trainings or trials, and how many seeds."""
    parser = Parser(description=docstring.splitlines()[0])
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=whole(1, MANY), default=default, help=f"default {default}")
    return parser.parse_args()


@cache
def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """500 images to train with and 1,297 to validate: x, x_validation, y, y_validation."""
    x, y = load_digits(return_X_y=True)
    data = train_test_split(x / 16, y, train_size=N_TRAINING, stratify=y, random_state=0)
    return tuple(data)  # type: ignore[return-value]


def draw_settings(n: int, seed: int) -> list[dict[str, float]]:
    """n settings of a small network, drawn at random."""
    rng = np.random.default_rng(seed)
    return [
        {
            "learning_rate": float(10 ** rng.uniform(-4, -0.5)),
            "width": int(2 ** rng.integers(2, 8)),
            "weight_decay": float(10 ** rng.uniform(-6, 0)),
        }
        for _ in range(n)
    ]


def train(setting: dict[str, float], epochs: int, seed: int) -> Iterator[float]:
    """Train scikit-learn's multi-layer perceptron; the validation accuracy after each epoch."""
    x, x_validation, y, y_validation = load()
    network = MLPClassifier(
        (setting["width"],),
        learning_rate_init=setting["learning_rate"],
        alpha=setting["weight_decay"],
        batch_size=50,
        random_state=seed,
    )
    for _ in range(epochs):
        network.partial_fit(x, y, classes=range(10))
        yield float(network.score(x_validation, y_validation))


@dataclass(frozen=True)
class Found:
    """What one search came to: epochs trained in all, best validation accuracy after any epoch."""

    epochs: int
    accuracy: float


def compare(searches: dict[str, Callable[[int], Found]], seeds: int, title: str) -> None:
    """Run each search with each seed and print a table; the others are compared with the first one."""
    found = {name: [search(seed) for seed in range(seeds)] for name, search in searches.items()}
    reference = next(iter(found.values()))
    rows = []
    for name, results in found.items():
        losses = [ours.accuracy - full.accuracy for ours, full in zip(results, reference, strict=True)]
        epochs = fmean(result.epochs for result in results)
        accuracies = [result.accuracy for result in results]
        rows.append(
            {
                "rule": name,
                "epochs": f"{epochs:.0f}",
                "fewer": f"{fmean(full.epochs for full in reference) / epochs:.2f}x",
                "best accuracy": f"{fmean(accuracies):.2%}",
                "sd": f"{stdev(accuracies):.2%}" if seeds > 1 else "",
                "against the first": f"{fmean(losses):+.2%}",
                "worst seed": f"{min(losses):+.2%}",
            }
        )
    print(f"{title}; means over {seeds} seeds\n" if seeds > 1 else f"{title}; one seed\n")
    print(text_table([*rows[0]], [[*row.values()] for row in rows]))
