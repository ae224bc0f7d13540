"""Residual networks of depth 6n + 2 ([PP], appendix A: deep Resnets)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pad

from trainers.families.base import Family, OneOf, Values, Whole
from trainers.families.recipe import FamilyRecipe

STAGES = 3
"""Sizes of maps: that of the image, half of it, a quarter."""


class Block(nn.Module):
    """Three convolutions, each with batch normalisation, and the sum with what came in.

    Where the map halves, the first convolution has stride 2 and what came in is taken at every second pixel;
    what it lacks in channels is filled with zeros (option A of He et al. 2015), so that shortcuts have no
    weights.
    """

    def __init__(self, inputs: int, outputs: int, size: int, stride: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, step in ((inputs, stride), (outputs, 1), (outputs, 1)):
            layers += [
                nn.Conv2d(before, outputs, size, step, size // 2, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(*layers[:-1])  # the last ReLU comes after the sum
        self.stride = stride
        self.missing = outputs - inputs

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, inputs, height, width) to (batch, outputs, ceil(height / stride), ceil(width / stride))."""
        shortcut = pad(maps[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))
        summed: Tensor = self.layers(maps) + shortcut
        return summed.relu_()


@dataclass(frozen=True)
class ResNet(Family):
    """`num_blocks` = n, `num_filters` at the full size, `filter_size` of all convolutions, step size `ss`.

    The 2n blocks are spread over three sizes of maps as evenly as possible; with the first convolution and
    the last layer they make 6n + 2 layers. The rate falls to a tenth after every `ss` epochs. How three
    convolutions a block make 6n + 2 layers is not in the text; this is our reading.
    """

    chance_factor = 1.0

    def build(self, values: Values, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """See `Family`."""
        self.require_side(input_shape, 2**STAGES)
        filters, size = int(values["num_filters"]), int(values["filter_size"])
        number = 2 * int(values["num_blocks"])
        stages = [block * STAGES // number for block in range(number)]
        widths = [filters, *(filters * 2**stage for stage in stages)]
        steps = [1 + (after > before) for before, after in pairwise([0, *stages])]
        blocks = (Block(*pair, size, step) for pair, step in zip(pairwise(widths), steps, strict=True))
        return nn.Sequential(
            nn.Conv2d(input_shape[0], filters, size, 1, size // 2, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(widths[-1], classes),
        )

    def facts(self, values: Values, input_shape: tuple[int, ...], classes: int) -> dict[str, float]:
        """See `Family`."""
        return {**super().facts(values, input_shape, classes), "depth": 6 * values["num_blocks"] + 2}

    def recipe(self, values: Values, epochs: int) -> FamilyRecipe:
        """See `Family`."""
        return FamilyRecipe(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=self.fixed_rate,
            decay_factor=0.1,
            decay_every=int(values["ss"]),
            momentum=0.9,
            chance_factor=self.chance_factor,
        )


def resnet(preset: str) -> ResNet:
    """The family with the space of a preset."""
    if preset == "paper":
        return ResNet(
            "resnet",
            {
                "num_blocks": Whole(2, 18),
                "num_filters": Whole(2, 22),
                "filter_size": OneOf((3, 5, 7)),
                "ss": Whole(30, 140, 5),
            },
            epochs=140,
            image_size=32,
        )
    return ResNet(
        "resnet",
        {
            "num_blocks": Whole(2, 4),
            "num_filters": Whole(2, 8),
            "filter_size": OneOf((3, 5)),
            "ss": Whole(3, 9),
        },
        epochs=9,
        batch_size=32,
        image_size=16,
        train_limit=3000,
        validation_size=1000,
    )
