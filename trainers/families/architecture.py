"""One network of the search's state space as a family: how it is trained is what is tuned."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from state_space import Architecture, Dropout
from trainers.families.base import Family, OneOf, Parameter, Real, Values
from trainers.families.recipe import FamilyRecipe
from trainers.networks import LAST_DROPOUT, build_network, scale_dropout


@dataclass(frozen=True)
class ArchitectureFamily(Family):
    """Adam with `lr`, times `lr_decay` after each quarter of the epochs, `batch_size`, `weight_decay`.

    A quarter is rounded up; `decay_every`, which is not tuned, takes its place where it is given.
    `dropout` is the rate of a dropout layer D(n,n), and that of D(i,n) is in proportion, as the published
    rates are to 0.5; a network without dropout layers has no such parameter. `batch_norm` = 1 puts batch
    normalisation between every convolution and its ReLU, where it is not there already.
    """

    architecture: Architecture = field(kw_only=True)

    mirrored = True  # as in a search

    def build(self, values: Values, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """See `Family`. Raises ShapeError if the images are too small."""
        network = build_network(self.network(values), input_shape, classes)
        scale_dropout(network, values.get("dropout", LAST_DROPOUT))
        return network

    def network(self, values: Values) -> Architecture:
        """What is built: the architecture, with batch normalisation if that is asked for."""
        return self.architecture.normalised() if values.get("batch_norm") else self.architecture

    def facts(self, values: Values, input_shape: tuple[int, ...], classes: int) -> dict[str, float]:
        """See `Family`."""
        return {**super().facts(values, input_shape, classes), "depth": self.architecture.depth}

    def recipe(self, values: Values, epochs: int) -> FamilyRecipe:
        """See `Family`."""
        return FamilyRecipe(
            epochs=epochs,
            batch_size=int(values["batch_size"]),
            learning_rate=values["lr"],
            decay_factor=values["lr_decay"],
            decay_every=int(values.get("decay_every", -(-epochs // 4))),
            optimizer="adam",
            weight_decay=values["weight_decay"],
            attempts=1,
            chance_factor=self.chance_factor,
        )


def architecture_family(name: str, architecture: Architecture, preset: str) -> ArchitectureFamily:
    """A network as a family, under the name that the user gave it."""
    paper = preset == "paper"
    parameters: dict[str, Parameter] = {
        "lr": Real(1e-4, 1e-2, log=True),
        "lr_decay": Real(0.1, 1.0),
        "batch_size": OneOf((32, 64, 128, 256) if paper else (16, 32, 64)),
        "weight_decay": Real(1e-6, 1e-2, log=True),
    }
    if architecture != architecture.normalised():
        parameters["batch_norm"] = OneOf((0, 1))
    if any(isinstance(layer, Dropout) for layer in architecture.layers):
        parameters["dropout"] = Real(0.0, 0.7)
    if paper:
        return ArchitectureFamily(name, parameters, epochs=20, architecture=architecture)
    return ArchitectureFamily(
        name,
        parameters,
        epochs=9,
        image_size=16,
        train_limit=4000,
        validation_size=1000,
        architecture=architecture,
    )
