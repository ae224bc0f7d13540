"""How members of families are trained: optimizer, rates, decays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trainers.optimizers import SGD, Adam, RMSprop
from trainers.recipe import TrainingRecipe

OPTIMIZERS = ("sgd", "rmsprop", "adam")


@dataclass(frozen=True, kw_only=True)
class FamilyRecipe(TrainingRecipe):
    """A training recipe with other optimizers than Adam. Raises RecipeError for values out of range."""

    optimizer: str = "sgd"
    """`sgd`, `rmsprop` or `adam`."""
    momentum: float = 0.0
    """SGD: decay of the sum of the gradients; above 0, Nesterov's."""
    weight_decay: float = 0.0
    """The decay of the weights of convolutions, and of all others unless `dense_decay` is given; biases and
    the parameters of normalisations do not decay. Added to the gradient, as a share of the weight."""
    dense_decay: float | None = None
    """The decay of all other weights; None for `weight_decay`."""
    clip: float | None = None
    """The norm that the gradient of a step is scaled down to; None for no limit."""
    last_rate: float | None = None
    """The rate from epoch `last_from` on; None for no such epoch."""
    last_from: int = 1
    """The first epoch at `last_rate`."""

    def __post_init__(self) -> None:
        TrainingRecipe.__post_init__(self)
        self._require("optimizer", self.optimizer in OPTIMIZERS, " or ".join(OPTIMIZERS))
        self._require("momentum", self._is_number("momentum") and 0 <= self.momentum < 1, "in [0, 1)")
        for name in ("weight_decay", "dense_decay"):
            fine = getattr(self, name) is None or (self._is_number(name) and getattr(self, name) >= 0)
            self._require(name, fine, "a number, 0 or more")
        for name in ("clip", "last_rate"):
            fine = getattr(self, name) is None or (self._is_number(name) and getattr(self, name) > 0)
            self._require(name, fine, "a number above 0")
        self._require("last_from", self._is_count("last_from", 1), "a whole number of at least 1")

    def rate(self, attempt: int, epoch: int) -> float:
        """Rate in an epoch (from 1): `last_rate` from `last_from` on; lower in later attempts."""
        if self.last_rate is None or epoch < self.last_from:
            return super().rate(attempt, epoch)
        return self.last_rate * self.retry_factor ** (attempt - 1)

    def make_optimizer(self, network: nn.Module, rate: float) -> torch.optim.Optimizer:
        """The optimizer of a network, each kind of parameters with its decay."""
        groups = decay_groups(network, self.weight_decay, self.dense_decay)
        if self.optimizer == "adam":
            return Adam(groups, lr=rate, betas=(self.beta1, self.beta2), eps=self.epsilon)
        if self.optimizer == "rmsprop":
            return RMSprop(groups, lr=rate, momentum=self.momentum)
        return SGD(groups, lr=rate, momentum=self.momentum, nesterov=self.momentum > 0)


def decay_groups(
    network: nn.Module, weight_decay: float, dense_decay: float | None = None
) -> list[dict[str, Any]]:
    """The parameters of a network for an optimizer, each kind with its decay: see `FamilyRecipe`."""
    decays = {4: weight_decay, 2: weight_decay if dense_decay is None else dense_decay}
    return [
        {
            "params": [p for p in network.parameters() if p.dim() == dim],
            "weight_decay": decays.get(dim, 0.0),
        }
        for dim in sorted({p.dim() for p in network.parameters()})
    ]
