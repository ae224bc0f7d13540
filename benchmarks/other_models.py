"""Curves of five kinds of models that this project does not train: docs/results/other-models.md.

Trained on data that comes with Python and scikit-learn, with settings drawn at random:
- cliff: tabular Q-learning or SARSA on the cliff walk (Sutton and Barto, example 6.6), mean return of ten
  episodes, T = 50;
- regression: multilayer perceptrons on the diabetes data, validation RMSE, T = 60;
- boosting: gradient-boosted trees for odd and even digits, validation log-loss, T = 100 trees;
- mlp: multilayer perceptrons by SGD on ten digits, validation accuracy, T = 40;
- language: GRUs on the characters of Python's documentation (`pydoc_data.topics`, whose text depends on the
  version of Python), validation perplexity, the rate divided by 5 after 26 of T = 40 epochs of 12 batches.
Training i has the settings and the seed i.

    python benchmarks/other_models.py mlp --trainings 500 --out mlp.csv    # 0.1 to 10 s each
"""

import csv
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import torch
from cliff_walk import cliff
from command_line import execute, parser, positive
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from torch.nn import functional
from tqdm import tqdm

TRAINED, VALIDATED, SEQUENCE, BATCHES, LOWER = 200_000, 20_000, 33, 12, 26  # of the language models

Settings = dict[str, float]


@dataclass(frozen=True)
class Kind:
    """How the trainings of one kind are drawn and trained; `values` gives one value an epoch."""

    metric: str
    epochs: int
    settings: Callable[[np.random.Generator], Settings]
    values: Callable[[Settings, int, np.random.Generator], Iterator[float]]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def boosting_settings(rng: np.random.Generator) -> Settings:
    """Settings of a `HistGradientBoostingClassifier`."""
    return {
        "learning_rate": log_uniform(rng, 0.005, 1),
        "max_leaf_nodes": int(rng.integers(2, 32)),
        "min_samples_leaf": int(rng.integers(1, 60)),
        "l2_regularization": log_uniform(rng, 1e-3, 10),
        "max_features": rng.uniform(0.1, 1),
    }


def boosting(settings: Settings, seed: int, rng: np.random.Generator) -> Iterator[float]:
    """Log-loss after each tree."""
    X, y = load_digits(return_X_y=True)
    X, X_held_out, y, y_held_out = train_test_split(X, y % 2, test_size=600, random_state=0)
    model = HistGradientBoostingClassifier(
        max_iter=100, early_stopping=False, random_state=seed, **settings
    ).fit(X, y)
    for probabilities in model.staged_predict_proba(X_held_out):
        yield log_loss(y_held_out, probabilities)


def mlp_settings(rng: np.random.Generator) -> Settings:
    """Rates from too small to far too large."""
    return {
        "learning_rate": log_uniform(rng, 1e-4, 3),
        "width": int(log_uniform(rng, 4, 128)),
        "layers": int(rng.integers(1, 4)),
        "alpha": log_uniform(rng, 1e-6, 0.1),
        "batch": int(2 ** rng.integers(4, 9)),
        "momentum": rng.uniform(0, 0.99),
    }


def mlp(settings: Settings, seed: int, rng: np.random.Generator) -> Iterator[float]:
    """Accuracy after each pass; no more values once the weights are not finite."""
    X, y = load_digits(return_X_y=True)
    X, X_held_out, y, y_held_out = train_test_split(X / 16, y, test_size=600, random_state=0)
    model = MLPClassifier(**perceptron(settings, seed), solver="sgd", momentum=settings["momentum"])
    while True:
        try:
            model.partial_fit(X, y, classes=range(10))
        except ValueError:
            return
        yield model.score(X_held_out, y_held_out)


def regression_settings(rng: np.random.Generator) -> Settings:
    """Models that learn nothing, learn, and overfit."""
    return {
        "learning_rate": log_uniform(rng, 1e-5, 0.3),
        "width": int(log_uniform(rng, 2, 128)),
        "layers": int(rng.integers(1, 4)),
        "alpha": log_uniform(rng, 1e-5, 10),
        "batch": int(2 ** rng.integers(3, 8)),
    }


def regression(settings: Settings, seed: int, rng: np.random.Generator) -> Iterator[float]:
    """RMSE of the standardised target after each pass."""
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    X, X_held_out, y, y_held_out = train_test_split(X, y, test_size=140, random_state=0)
    model = MLPRegressor(**perceptron(settings, seed), solver="adam")
    while True:
        model.partial_fit(X, y)
        yield root_mean_squared_error(y_held_out, model.predict(X_held_out))


def perceptron(settings: Settings, seed: int) -> dict[str, object]:
    """Arguments of a multilayer perceptron."""
    return {
        "hidden_layer_sizes": [settings["width"]] * int(settings["layers"]),
        "learning_rate_init": settings["learning_rate"],
        "alpha": settings["alpha"],
        "batch_size": settings["batch"],
        "random_state": seed,
    }


def cliff_settings(rng: np.random.Generator) -> Settings:
    """Settings of a tabular agent."""
    return {
        "alpha": log_uniform(rng, 0.003, 1),
        "epsilon": log_uniform(rng, 0.003, 0.5),
        "gamma": rng.uniform(0.5, 1),
        "sarsa": int(rng.integers(2)),
        "initial": rng.uniform(-20, 5),
    }


def language_settings(rng: np.random.Generator) -> Settings:
    """Half of the models learn by Adam, half by SGD with a ten times higher rate."""
    return {
        "learning_rate": log_uniform(rng, 1e-4, 0.3),
        "hidden": int(log_uniform(rng, 8, 96)),
        "embedding": int(log_uniform(rng, 4, 32)),
        "dropout": rng.uniform(0, 0.6),
        "clip": log_uniform(rng, 0.05, 5),
        "adam": int(rng.integers(2)),
    }


class Gru(torch.nn.Module):
    """Embedding, GRU, dropout and output of n characters."""

    def __init__(self, n: int, settings: Settings) -> None:
        super().__init__()
        embedding, hidden = int(settings["embedding"]), int(settings["hidden"])
        self.embedding = torch.nn.Embedding(n, embedding)
        self.gru = torch.nn.GRU(embedding, hidden, batch_first=True)
        self.output = torch.nn.Linear(hidden, n)
        self.dropout = torch.nn.Dropout(settings["dropout"])

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of each next character of (batch, length) sequences."""
        scores = self.output(self.dropout(self.gru(self.embedding(sequences[:, :-1]))[0]))
        return functional.cross_entropy(scores.flatten(0, 1), sequences[:, 1:].flatten())


def language(settings: Settings, seed: int, rng: np.random.Generator) -> Iterator[float]:
    """Perplexity after each 12 batches; no more values once it is not finite."""
    torch.manual_seed(seed)
    text = "".join(topics.values())
    index = {character: i for i, character in enumerate(sorted(set(text)))}
    text_ids = torch.tensor([index[character] for character in text[: TRAINED + VALIDATED]])
    held_out = text_ids[TRAINED:][: VALIDATED // SEQUENCE * SEQUENCE].view(-1, SEQUENCE)[:300]
    model, rate = Gru(len(index), settings), settings["learning_rate"]
    weights = list(model.parameters())
    sgd = torch.optim.SGD(weights, 10 * rate, momentum=0.9)
    optimizer = torch.optim.Adam(weights, rate) if settings["adam"] else sgd
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [LOWER], 0.2)
    while True:
        model.train()
        for _ in range(BATCHES):
            begin = torch.from_numpy(rng.integers(0, TRAINED - SEQUENCE, 32))
            optimizer.zero_grad()
            model(text_ids[begin[:, None] + torch.arange(SEQUENCE)]).backward()
            torch.nn.utils.clip_grad_norm_(weights, settings["clip"])
            optimizer.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            perplexity = float(model(held_out).exp())
        if not np.isfinite(perplexity):
            return
        yield perplexity


KINDS = {
    "cliff": Kind("episode_return", 50, cliff_settings, cliff),
    "regression": Kind("val_rmse", 60, regression_settings, regression),
    "boosting": Kind("val_logloss", 100, boosting_settings, boosting),
    "mlp": Kind("val_accuracy", 40, mlp_settings, mlp),
    "language": Kind("val_perplexity", 40, language_settings, language),
}


def write(kind: Kind, trainings: int, path: Path) -> None:
    """One row for each training: its settings, and the values of all epochs."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        for seed in tqdm(range(trainings)):
            rng = np.random.default_rng(seed)
            settings = kind.settings(rng)
            values = list(islice(kind.values(settings, seed, rng), kind.epochs))
            if seed == 0:
                rows.writerow([*settings, *(f"{kind.metric}_{t}" for t in range(1, kind.epochs + 1))])
            missing = [float("nan")] * (kind.epochs - len(values))
            rows.writerow([format(number, ".5g") for number in (*settings.values(), *values, *missing)])


def main() -> None:
    options = parser(__doc__)
    options.add_argument("kind", choices=KINDS)
    options.add_argument("--trainings", type=positive, default=200, metavar="N", help="default: 200")
    options.add_argument("--out", type=Path, required=True, metavar="FILE")
    chosen = options.parse_args()
    warnings.filterwarnings("ignore")  # that a fit has not converged, or has diverged
    torch.set_num_threads(1)
    write(KINDS[chosen.kind], chosen.trainings, chosen.out)


if __name__ == "__main__":
    execute(main)
