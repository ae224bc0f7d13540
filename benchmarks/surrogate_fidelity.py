"""Claim: curves of the surrogate trainer look like recorded ones of networks that it has not learned from.

    python benchmarks/surrogate_fidelity.py --curves metaqnn_cifar10.csv --write surrogate

Five folds: the surrogate learns from four fifths of the recorded curves and trains the architectures of the
rest. Compared with what was recorded of the same networks: R^2 of y_t from the architecture and the rate;
quantiles of y_t; the order of the networks after t epochs against the final one (Spearman), and the share of
pairs whose order turns; attempts needed; the jitter from epoch to epoch. Two minutes on one core.

--write PREFIX leaves two files for `python -m predictor simulate`: PREFIX-unseen.npz, the curves of the
recorded architectures made as above, and PREFIX-sampled.npz, as many architectures drawn at epsilon = 1.
"""

import argparse
import os
import sys
from time import process_time

import numpy as np
from machine import processor
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from surrogate import SurrogateTrainer
from tabulate import tabulate

from predictor import LearningCurves
from predictor.curves.reading import write_npz
from state_space import Architecture, preset
from trainers import Outcome, TrainingResult

EPOCHS = (1, 2, 3, 5, 10, 15, 20)
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
SPACE = preset("cifar10")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--curves", required=True, help="recorded curves of named architectures (CSV)")
    parser.add_argument("--write", metavar="PREFIX", help="write curves of the surrogate")
    parser.add_argument("--seed", type=int, default=0, help="of the surrogate and its trainings (default 0)")
    chosen = parser.parse_args()
    print(f"{' '.join(sys.argv)}\n{processor()}, {os.cpu_count()} cores, one used")
    recorded = LearningCurves.read(chosen.curves)
    assert recorded.names is not None
    architectures = [Architecture.parse(name) for name in recorded.names.tolist()]
    unseen, expected = train_unseen(architectures, recorded, chosen.seed)
    compare(recorded, unseen, expected)
    speed(SurrogateTrainer.fit(architectures, recorded.values, recorded.hyperparameters["lr"]))
    if chosen.write:
        write_npz(unseen, f"{chosen.write}-unseen.npz")
        write_npz(train_sampled(architectures, recorded, chosen.seed), f"{chosen.write}-sampled.npz")


def train_unseen(
    architectures: list[Architecture], recorded: LearningCurves, seed: int
) -> tuple[LearningCurves, np.ndarray]:
    """Curves by surrogates that have not seen the network; and what they expect at the recorded rate."""
    results: dict[int, TrainingResult] = {}
    expected = np.empty(recorded.shape)
    rates = recorded.hyperparameters["lr"]
    for learned, rest in KFold(5, shuffle=True, random_state=seed).split(recorded.values):
        known = [architectures[i] for i in learned]
        trainer = SurrogateTrainer.fit(known, recorded.values[learned], rates[learned], seed=seed)
        initial = np.array([trainer.recipe.initial_rate(a) for a in range(1, trainer.recipe.attempts + 1)])
        for i in rest:
            attempt = int(np.abs(np.log(initial / rates[i])).argmin()) + 1
            expected[i] = trainer.expected(architectures[i], attempt)
            results[int(i)] = trainer.train(architectures[i], seed=int(i))
    return as_curves(architectures, [results[i] for i in range(len(architectures))]), expected


def train_sampled(architectures: list[Architecture], recorded: LearningCurves, seed: int) -> LearningCurves:
    """As many networks as there are, drawn uniformly from the space."""
    trainer = SurrogateTrainer.fit(architectures, recorded.values, recorded.hyperparameters["lr"], seed=seed)
    rng = np.random.default_rng(seed)
    sampled = [SPACE.sample(rng) for _ in architectures]
    return as_curves(sampled, [trainer.train(network, seed=i) for i, network in enumerate(sampled)])


def as_curves(architectures: list[Architecture], results: list[TrainingResult]) -> LearningCurves:
    """The trainings that were completed."""
    kept = [(a, r) for a, r in zip(architectures, results, strict=True) if r.outcome is Outcome.COMPLETED]
    return LearningCurves(
        np.array([r.curve for _, r in kept]),
        {
            "num_params": np.array([float(a.weights(SPACE.input_shape)) for a, _ in kept]),
            "depth": np.array([float(a.depth) for a, _ in kept]),
        },
        {"lr": np.array([r.learning_rate for _, r in kept])},
        names=np.array([str(a) for a, _ in kept]),
    )


def compare(recorded: LearningCurves, unseen: LearningCurves, expected: np.ndarray) -> None:
    """Print the tables."""
    columns = [epoch - 1 for epoch in EPOCHS]
    pairs = {"recorded": recorded.values, "surrogate": unseen.values}
    rows = [["R^2 of y_t", "expected", *(r2_score(recorded.values[:, c], expected[:, c]) for c in columns)]]
    for q in QUANTILES:
        rows += [[f"{q:.0%} of y_t", who, *np.quantile(y, q, axis=0)[columns]] for who, y in pairs.items()]
    for who, y in pairs.items():
        rows.append(["rank correlation with y_T", who, *(spearmanr(y[:, c], y[:, -1])[0] for c in columns)])
    for who, y in pairs.items():
        turned = [(1 - kendalltau(y[:, c], y[:, -1])[0]) / 2 for c in columns]
        rows.append(["pairs whose order turns", who, *turned])
    for who, y in pairs.items():
        steps = np.abs(np.diff(y, n=2, axis=1, prepend=np.nan, append=np.nan))
        rows.append(["median |y_t-1 - 2 y_t + y_t+1|", who, *np.median(steps, axis=0)[columns]])
    print(tabulate(rows, ["", "", *(f"t = {epoch}" for epoch in EPOCHS)], tablefmt="github", floatfmt=".4f"))
    rates = np.unique(recorded.hyperparameters["lr"])[::-1]
    attempts = [
        [who, *(np.isclose(c.hyperparameters["lr"], rate, rtol=0.05).mean() for rate in rates)]
        for who, c in (("recorded", recorded), ("surrogate", unseen))
    ]
    print("\nShare of networks by the initial rate at which they learned:")
    print(tabulate(attempts, ["", *map("{:g}".format, rates)], tablefmt="github", floatfmt=".3f"))
    print(f"{len(recorded) - len(unseen)} of {len(recorded)} networks never beat chance on the surrogate")


def speed(trainer: SurrogateTrainer) -> None:
    rng = np.random.default_rng(0)
    networks = [SPACE.sample(rng) for _ in range(1000)]
    started = process_time()
    for seed, network in enumerate(networks):
        trainer.train(network, seed=seed, on_epoch=lambda report: False)
    print(f"{1e6 * (process_time() - started) / len(networks):.0f} µs of CPU per training of 20 epochs")


if __name__ == "__main__":
    main()
