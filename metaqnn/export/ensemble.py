"""Several trained networks whose softmax outputs are averaged, as one network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainers.weights import TrainedNetwork


@dataclass(frozen=True)
class Ensemble:
    """The mean of the softmax outputs of networks on the same images, normalised alike [MQ].

    Attributes:
        members: the networks, by their numbers in the search; two at least.
    """

    members: Mapping[int, TrainedNetwork]

    @property
    def architecture(self) -> str:
        """Which networks they are, in words."""
        return f"mean of the softmax outputs of networks {', '.join(map(str, self.members))}"

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the images."""
        return next(iter(self.members.values())).input_shape

    @property
    def weights(self) -> dict[str, Tensor]:
        """The weights of all members, each with its member's number before its name: `17.0.weight`."""
        return {
            f"{number}.{name}": weight
            for number, member in self.members.items()
            for name, weight in member.weights.items()
        }

    def build(self) -> nn.Module:
        """The ensemble, on the CPU. Raises WeightsError as `TrainedNetwork.build`."""
        return _MeanOfSoftmax([member.build() for member in self.members.values()])


class _MeanOfSoftmax(nn.Module):
    """log sum_k softmax(logits_k): logits whose softmax is the mean of the softmax outputs."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of normalised images (n, channels, height, width)."""
        outputs = [member(images).float().log_softmax(1) for member in self.members]
        return torch.stack(outputs).logsumexp(0)
