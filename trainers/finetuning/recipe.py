"""The recipe of the long training: four phases, each at one rate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

from trainers.recipe import Recipe

PUBLISHED_PHASES = ((0.025, 40), (0.0125, 40), (0.0001, 160), (0.00001, 60))
"""(learning rate, epochs) of each phase [MQ]."""
PUBLISHED_RATE = PUBLISHED_PHASES[0][0]
PUBLISHED_EPOCHS = sum(epochs for _, epochs in PUBLISHED_PHASES)
OPTIMIZERS = ("sgd", "adam")


def scaled_translation(side: int) -> int:
    """Pixels of translation for images of that side: as published, 5 at 32, and in proportion at others."""
    return round(5 * side / 32)


@dataclass(frozen=True, kw_only=True)
class FinetuningRecipe(Recipe):
    """How the best networks are finally trained.

    The defaults are the published ones: rates and images those of the paper, optimizer, momentum and weight
    decay those of the solver files that the authors published with their networks. Adam, as in the
    search, is there for comparison. Raises RecipeError for values out of range.
    """

    epochs: int = PUBLISHED_EPOCHS
    """Epochs in all; the phases keep their proportions, see `phases`."""
    learning_rate: float = PUBLISHED_RATE
    """Rate of the first phase; the others keep their ratios to it."""
    batch_size: int = 128
    """Images per step; the last step of an epoch takes what is left, so every image is seen once an epoch."""
    optimizer: str = "sgd"
    """`sgd` with momentum, or `adam` as in the search; both with the weight decay."""
    momentum: float = 0.9
    """SGD: decay of the sum of the gradients."""
    weight_decay: float = 5e-4
    """Of all weights and biases: what is added to the gradient, as a share of the weight."""
    mirror: bool = False
    """Flip each training image left to right with probability one half."""
    translate: int = 5
    """Shift each training image by up to this many pixels either way; a grey, its mean, fills the gap."""
    attempts: int = 5
    """Attempts in all for a network that is no better than chance when that is tested, see `Chance`."""
    retry_factor: float = 0.4
    """What all rates are multiplied by before another attempt."""
    chance_factor: float = 1.5
    """With ten or more balanced classes, a training accuracy of at most this / classes counts as chance."""

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        self._require("optimizer", self.optimizer in OPTIMIZERS, " or ".join(OPTIMIZERS))
        self._require("momentum", self._is_number("momentum") and 0 <= self.momentum < 1, "in [0, 1)")
        fine = self._is_number("weight_decay") and self.weight_decay >= 0
        self._require("weight_decay", fine, "a number, 0 or more")
        enough = self._is_count("epochs", 1) and all(epochs >= 1 for _, epochs in self.phases)
        self._require("epochs", enough, "at least 6, so that each of the four phases has one")

    @property
    def phases(self) -> tuple[tuple[float, int], ...]:
        """(learning rate, epochs) of each phase of the first attempt.

        A phase that ends at epoch e of the 300 published ones ends at round(e * epochs / 300).
        """
        ends = accumulate((epochs for _, epochs in PUBLISHED_PHASES), initial=0)
        scaled = pairwise(round(end * self.epochs / PUBLISHED_EPOCHS) for end in ends)
        scale = self.learning_rate / PUBLISHED_RATE
        return tuple(
            (scale * rate, end - start)
            for (rate, _), (start, end) in zip(PUBLISHED_PHASES, scaled, strict=True)
        )

    def rate(self, attempt: int, epoch: int) -> float:
        """Learning rate in an epoch (from 1): that of its phase, times retry_factor^(attempt - 1)."""
        rates = [rate for rate, epochs in self.phases for _ in range(epochs)]
        return rates[epoch - 1] * self.retry_factor ** (attempt - 1)
