"""The long training by tuned hyper-parameters instead of the published ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainers.families.recipe import decay_groups
from trainers.finetuning.recipe import FinetuningRecipe
from trainers.finetuning.trainer import FinetuningTrainer
from trainers.networks import LAST_DROPOUT, scale_dropout

QUARTERS = 4


@dataclass(frozen=True, kw_only=True)
class TunedRecipe(FinetuningRecipe):
    """Adam, its rate times `lr_decay` after each quarter of the epochs, rounded up, as where it was tuned.

    Images are normalised, mirrored and shifted as in every long training. Raises RecipeError for values out
    of range.
    """

    optimizer: str = "adam"
    lr_decay: float = 0.2
    """What the rate is multiplied by after each quarter."""
    last_dropout: float = LAST_DROPOUT
    """Rate of a dropout layer D(n,n), to which the others rise."""
    batch_norm: bool = False
    """Whether the networks were given batch normalisation, which is part of their notation then."""

    def __post_init__(self) -> None:
        self._require("epochs", self._is_count("epochs", 1), "a whole number of at least 1")
        self._require("lr_decay", self._is_number("lr_decay") and self.lr_decay > 0, "a number above 0")
        fine = self._is_number("last_dropout") and 0 <= self.last_dropout < 1
        self._require("last_dropout", fine, "in [0, 1)")
        FinetuningRecipe.__post_init__(self)

    @property
    def phases(self) -> tuple[tuple[float, int], ...]:
        """(learning rate, epochs) of each phase of the first attempt; the last one may be shorter."""
        length = -(-self.epochs // QUARTERS)
        starts = range(0, self.epochs, length)
        return tuple(
            (self.learning_rate * self.lr_decay**phase, min(length, self.epochs - start))
            for phase, start in enumerate(starts)
        )


class TunedFinetuner(FinetuningTrainer):
    """Trains as `FinetuningTrainer`, by a `TunedRecipe`; biases and normalisations do not decay."""

    recipe: TunedRecipe

    def _build(self, architecture: object, generator: torch.Generator) -> nn.Module:
        network = super()._build(architecture, generator)
        scale_dropout(network, self.recipe.last_dropout)
        return network

    def _optimizer(self, network: nn.Module, rate: float | Tensor) -> torch.optim.Optimizer:
        return self._adam(decay_groups(network, self.recipe.weight_decay), rate)
