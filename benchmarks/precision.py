"""Claim: bfloat16 and float32 give learning curves that agree within the noise between two runs.

Networks drawn at random from the laptop space are trained on CIFAR-10 by the laptop preset's recipe,
shortened to `--epochs`, in both formats, from the same seeds. What the format changes is compared with
what the seed changes, by the root mean square difference in validation accuracy over all epochs; the mean
difference between the formats shows a bias, which noise would not have.

    python benchmarks/precision.py --data-dir DIR     # DIR holds cifar10.tar.gz; about three minutes
"""

from itertools import combinations

import numpy as np
from command_line import described, execute, parser, positive
from tabulate import tabulate

from predictor.curves.options import MANY, whole
from state_space import Architecture, preset
from trainers import ClassifierTrainer, ImageDataset, TrainingRecipe, load_dataset

RECIPE = {"batch_size": 32, "learning_rate": 2e-3, "decay_every": 4, "attempts": 1, "mirror": True}


def curves(architecture: Architecture, trainer: ClassifierTrainer, seeds: int) -> np.ndarray:
    """Shape (seeds, epochs); a network that never beats chance stays where it was after its first epoch."""
    found = np.zeros((seeds, trainer.recipe.epochs))
    for seed in range(seeds):
        curve = trainer.train(architecture, seed=seed).curve
        found[seed] = [*curve, *[curve[-1]] * (trainer.recipe.epochs - len(curve))]
    return found


def trainers(dataset: ImageDataset, epochs: int) -> list[ClassifierTrainer]:
    recipe = TrainingRecipe(epochs=epochs, **RECIPE)
    return [
        ClassifierTrainer(
            dataset, recipe=recipe, validation_size=1000, device="cpu", precision=precision, threads=1
        )
        for precision in ("float32", "bfloat16")
    ]


def compare(architecture: Architecture, both: list[ClassifierTrainer], seeds: int) -> list[str]:
    full, reduced = (curves(architecture, trainer, seeds) for trainer in both)
    by_seed = np.array([a - b for runs in (full, reduced) for a, b in combinations(runs, 2)])
    by_format = reduced - full
    rms_format, rms_seed = (np.sqrt((part**2).mean()) for part in (by_format, by_seed))
    finals = [f"{runs[:, -1].mean():.3f}" for runs in (full, reduced)]
    return [str(architecture), *finals, f"{rms_format:.4f}", f"{rms_seed:.4f}", f"{by_format.mean():+.4f}"]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data-dir", required=True, help="folder with cifar10.tar.gz")
    options.add_argument("--networks", type=positive, default=3)
    options.add_argument("--seeds", type=whole(2, MANY), default=3)
    options.add_argument("--epochs", type=positive, default=5)
    chosen = options.parse_args()
    dataset = load_dataset("cifar10", data_dir=chosen.data_dir, image_size=16, limit=5000)
    rng, both = np.random.default_rng(1), trainers(dataset, chosen.epochs)
    drawn = [preset("laptop").sample(rng) for _ in range(chosen.networks)]
    rows = [compare(architecture, both, chosen.seeds) for architecture in drawn]
    headers = [
        "network",
        "y_T, float32",
        "y_T, bfloat16",
        "RMS change by format",
        "RMS change by seed",
        "mean change by format",
    ]
    print(described("torch", used="one used"))
    print(f"n = {chosen.seeds} seeds x {chosen.epochs} epochs of 4,000 images, 1,000 validated")
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    execute(main)
