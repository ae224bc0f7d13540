"""The small network of cuda-convnet with three convolutions, whose six hyper-parameters are tuned."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from trainers.families.base import Family, Real, Values, Whole
from trainers.families.recipe import FamilyRecipe

WIDTHS = (32, 32, 64)
WINDOW = 3


class ResponseNormalisation(nn.Module):
    """x / (1 + scale * mean of x^2 in the 3x3 pixels around)^power, channel by channel (cuda-convnet)."""

    def __init__(self, scale: float, power: float) -> None:
        super().__init__()
        self.scale = scale
        self.power = power

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same, in float32."""
        maps = maps.float()
        squares = avg_pool2d(maps.square(), WINDOW, stride=1, padding=1)
        return maps / (1 + self.scale * squares).pow(self.power)


@dataclass(frozen=True, kw_only=True)
class SteppedRecipe(FamilyRecipe):
    """The rate is multiplied by `decay_factor` after round(k T / (n + 1)) of T epochs, k = 1 ... n."""

    reductions: int = 0
    """n."""

    def rate(self, attempt: int, epoch: int) -> float:
        """Rate in an epoch (from 1); the first one is at the initial rate however small T is."""
        parts = self.reductions + 1
        ends = (max(1, round(k * self.epochs / parts)) for k in range(1, parts))
        return self.initial_rate(attempt) * self.decay_factor ** sum(epoch > end for end in ends)


@dataclass(frozen=True)
class ConvNet(Family):
    """Three convolutions of 5x5 with 32, 32 and 64 filters, pooling after each, and a dense layer.

    Response normalisation follows the first two pooling layers. `lr` falls to a tenth `lr_reductions` times,
    see `SteppedRecipe`; `conv_decay` and `fc_decay` are the weight decays of convolutions and dense layer,
    `norm_scale` and `norm_power` those of the normalisation. Momentum is Nesterov's, 0.9;
    cuda-convnet has the classical one.
    """

    def build(self, values: Values, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """See `Family`."""
        self.require_side(input_shape, 2 ** len(WIDTHS))
        convolutions = [
            nn.Conv2d(before, width, 5, padding=2)
            for before, width in zip((input_shape[0], *WIDTHS), WIDTHS, strict=False)
        ]
        first, second = (ResponseNormalisation(values["norm_scale"], values["norm_power"]) for _ in range(2))
        height, width = (side // 2 ** len(WIDTHS) for side in input_shape[1:])  # pooling rounds down
        return nn.Sequential(
            *(convolutions[0], nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(inplace=True), first),
            *(convolutions[1], nn.ReLU(inplace=True), nn.AvgPool2d(3, 2, ceil_mode=True), second),
            *(convolutions[2], nn.ReLU(inplace=True), nn.AvgPool2d(3, 2, ceil_mode=True)),
            *(nn.Flatten(), nn.Linear(WIDTHS[-1] * height * width, classes)),
        )

    def recipe(self, values: Values, epochs: int) -> FamilyRecipe:
        """See `Family`."""
        return SteppedRecipe(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=values["lr"],
            decay_factor=0.1,
            reductions=int(values["lr_reductions"]),
            momentum=0.9,
            weight_decay=values["conv_decay"],
            dense_decay=values["fc_decay"],
            attempts=1,
            chance_factor=self.chance_factor,
        )


def convnet(preset: str) -> ConvNet:
    """The family with the space of a preset; that of the paper is the one of Li et al. (2017), Hyperband."""
    if preset == "paper":
        return ConvNet(
            "convnet",
            {
                "lr": Real(5e-5, 5, log=True),
                "lr_reductions": Whole(0, 3),
                "conv_decay": Real(5e-5, 5, log=True),
                "fc_decay": Real(5e-3, 500, log=True),
                "norm_scale": Real(5e-6, 5, log=True),
                "norm_power": Real(0.01, 3),
            },
            epochs=60,
            batch_size=100,
        )
    return ConvNet(
        "convnet",
        {
            "lr": Real(1e-3, 0.3, log=True),
            "lr_reductions": Whole(0, 3),
            "conv_decay": Real(5e-5, 5e-2, log=True),
            "fc_decay": Real(5e-4, 0.5, log=True),
            "norm_scale": Real(5e-6, 5, log=True),
            "norm_power": Real(0.01, 3),
        },
        epochs=9,
        batch_size=50,
        image_size=16,
        train_limit=5000,
        validation_size=1000,
    )
