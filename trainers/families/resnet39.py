"""Networks of 39 layers whose kernels vary (the long version of [PP]: deep Resnets on CIFAR-10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from trainers.families.base import Family, OneOf, Parameter, Real, Values
from trainers.families.recipe import FamilyRecipe
from trainers.networks import BatchNormalisation

STAGES = (4, 3, 5)
"""Blocks of three convolutions before, between and after the two pooling layers."""
BLOCKS = range(1, sum(STAGES) + 1)
POOLED_AFTER = (STAGES[0], STAGES[0] + STAGES[1])
LAST_RATE, LAST_SHARE = 1e-5, 0.6
"""The rate of the last epochs, and after which share of them: from epoch 30 of 50 on."""


class Block(nn.Module):
    """Three convolutions alike, each with batch normalisation and ReLU.

    Where the number of channels stays the same, what came in is added.
    """

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int]) -> None:
        super().__init__()
        padding = size[0] // 2, size[1] // 2
        layers: list[nn.Module] = []
        for before in (inputs, outputs, outputs):
            convolution = nn.Conv2d(before, outputs, size, padding=padding, bias=False)
            layers += [convolution, BatchNormalisation(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.residual = inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, inputs, height, width) to (batch, outputs, height, width)."""
        result: Tensor = self.layers(maps)
        return result + maps if self.residual else result


@dataclass(frozen=True)
class ResNet39(Family):
    """12 convolutions, pooling, 9, pooling, 15, softmax; RMSProp, decay 1e-4, rate `lr`, at the end 1e-5.

    Block b has three convolutions of `kernel_height_b` x `kernel_width_b` with `kernels_b` filters. Which
    sizes and numbers were drawn from is not in the text at hand: those here are ours.
    """

    def build(self, values: Values, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """See `Family`."""
        self.require_side(input_shape, 4)
        channels = input_shape[0]
        layers: list[nn.Module] = []
        for block in BLOCKS:
            size = int(values[f"kernel_height_{block}"]), int(values[f"kernel_width_{block}"])
            outputs = int(values[f"kernels_{block}"])
            layers.append(Block(channels, outputs, size))
            if block in POOLED_AFTER:
                layers.append(nn.MaxPool2d(2))
            channels = outputs
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))

    def recipe(self, values: Values, epochs: int) -> FamilyRecipe:
        """See `Family`."""
        return FamilyRecipe(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=values["lr"],
            decay_factor=1.0,
            optimizer="rmsprop",
            weight_decay=1e-4,
            last_rate=LAST_RATE,
            last_from=max(1, round(LAST_SHARE * epochs)),
            attempts=1,
            chance_factor=self.chance_factor,
        )


def resnet39(preset: str) -> ResNet39:
    """The family with the space of a preset."""
    if preset == "paper":
        rate = Real(1e-4, 1e-2, log=True)
        return ResNet39("resnet39", {"lr": rate, **_kernels((1, 3, 5, 7), (8, 16, 32, 64))}, epochs=50)
    return ResNet39(
        "resnet39",
        {"lr": Real(3e-4, 1e-2, log=True), **_kernels((1, 3), (4, 8, 16))},
        epochs=9,
        batch_size=32,
        image_size=16,
        train_limit=2000,
        validation_size=1000,
    )


def _kernels(sizes: tuple[int, ...], numbers: tuple[int, ...]) -> Mapping[str, Parameter]:
    spaces = {"kernel_height": OneOf(sizes), "kernel_width": OneOf(sizes), "kernels": OneOf(numbers)}
    return {f"{name}_{block}": space for block in BLOCKS for name, space in spaces.items()}
