"""Claim: curves of the surrogate trainer look like recorded ones of networks that it has not learned from.

    python benchmarks/surrogate_fidelity.py --curves metaqnn_cifar10.csv --write surrogate

Five folds: the surrogate learns from four fifths of the recorded curves and trains the architectures of the
rest. Compared with what was recorded of the same networks: R^2 of y_t from the architecture and the rate;
quantiles of y_t; the order of the networks after t epochs against the final one (Spearman), and the share of
pairs whose order turns; attempts needed; the jitter from epoch to epoch. Two minutes on one core.

--write PREFIX leaves two files for `python -m predictor simulate`: PREFIX-unseen.npz, the curves of the
recorded architectures made as above, and PREFIX-sampled.npz, as many architectures drawn at epsilon = 1.
"""

import sys
from time import process_time

import numpy as np
from command_line import described, execute, parser
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from surrogate import SurrogateTrainer
from surrogate_search import World, surrogate
from tabulate import tabulate

from predictor import LearningCurves
from predictor.curves.npz import write_npz
from state_space import Architecture, StateSpace
from state_space.shapes import Shape
from trainers import Outcome, TrainingResult

EPOCHS = (1, 2, 3, 5, 10, 15, 20)
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


def main() -> None:
    options = parser(__doc__)
    World.add_options(options)
    options.add_argument(
        "--write",
        metavar="PREFIX",
        help="write curves of the surrogate to PREFIX-unseen.npz and PREFIX-sampled.npz",
    )
    chosen = options.parse_args()
    print(f"{' '.join(sys.argv)}\n{described(used='one used')}")
    world = World.of(chosen)
    architectures, recorded = world.recorded()
    unseen, expected = train_unseen(world, architectures, recorded)
    compare(recorded, unseen, expected)
    trainer, space = surrogate(world), world.space
    speed(trainer, space)
    if chosen.write:
        write_npz(unseen, f"{chosen.write}-unseen.npz")
        write_npz(train_sampled(trainer, space, len(recorded)), f"{chosen.write}-sampled.npz")


def train_unseen(
    world: World, architectures: list[Architecture], recorded: LearningCurves
) -> tuple[LearningCurves, np.ndarray]:
    """Curves by surrogates that have not seen the network; and what they expect at the recorded rate."""
    results: dict[int, TrainingResult] = {}
    expected = np.empty(recorded.shape)
    rates = recorded.hyperparameters["lr"]
    for learned, rest in KFold(5, shuffle=True, random_state=world.world).split(recorded.values):
        trainer = world.fit([architectures[i] for i in learned], recorded[learned])
        initial = np.array([trainer.recipe.initial_rate(a) for a in range(1, trainer.recipe.attempts + 1)])
        for i in rest:
            attempt = int(np.abs(np.log(initial / rates[i])).argmin()) + 1
            expected[i] = trainer.expected(architectures[i], attempt)
            results[int(i)] = trainer.train(architectures[i], seed=int(i))
    found = [results[i] for i in range(len(architectures))]
    return as_curves(architectures, found, world.space.input_shape), expected


def train_sampled(trainer: SurrogateTrainer, space: StateSpace, count: int) -> LearningCurves:
    """Networks drawn uniformly from the space."""
    rng = np.random.default_rng(trainer.seed)
    sampled = [space.sample(rng) for _ in range(count)]
    results = [trainer.train(network, seed=i) for i, network in enumerate(sampled)]
    return as_curves(sampled, results, space.input_shape)


def as_curves(
    architectures: list[Architecture], results: list[TrainingResult], input_shape: Shape
) -> LearningCurves:
    """The trainings that were completed."""
    kept = [(a, r) for a, r in zip(architectures, results, strict=True) if r.outcome is Outcome.COMPLETED]
    return LearningCurves(
        np.array([r.curve for _, r in kept]),
        {
            "num_params": np.array([float(a.weights(input_shape)) for a, _ in kept]),
            "depth": np.array([float(a.depth) for a, _ in kept]),
        },
        {"lr": np.array([r.learning_rate for _, r in kept])},
        names=np.array([str(a) for a, _ in kept]),
    )


def compare(recorded: LearningCurves, unseen: LearningCurves, expected: np.ndarray) -> None:
    """Print the tables."""
    epochs = [epoch for epoch in EPOCHS if epoch <= recorded.T]
    columns = [epoch - 1 for epoch in epochs]
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
    print(tabulate(rows, ["", "", *(f"t = {epoch}" for epoch in epochs)], tablefmt="github", floatfmt=".4f"))
    rates = np.unique(recorded.hyperparameters["lr"])[::-1]
    attempts = [
        [who, *(np.isclose(c.hyperparameters["lr"], rate, rtol=0.05).mean() for rate in rates)]
        for who, c in (("recorded", recorded), ("surrogate", unseen))
    ]
    print("\nShare of networks by the initial rate at which they learned:")
    print(tabulate(attempts, ["", *map("{:g}".format, rates)], tablefmt="github", floatfmt=".3f"))
    print(f"{len(recorded) - len(unseen)} of {len(recorded)} networks never beat chance on the surrogate")


def speed(trainer: SurrogateTrainer, space: StateSpace) -> None:
    rng = np.random.default_rng(0)
    networks = [space.sample(rng) for _ in range(1000)]
    started = process_time()
    for seed, network in enumerate(networks):
        trainer.train(network, seed=seed, on_epoch=lambda report: False)
    each = 1e6 * (process_time() - started) / len(networks)
    print(f"{each:.0f} µs of CPU per training of {trainer.recipe.epochs} epochs")


if __name__ == "__main__":
    execute(main)
