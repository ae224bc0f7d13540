"""From the description of a network to a PyTorch module that computes its logits."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from state_space import (
    Architecture,
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    Pooling,
    Softmax,
    Stage,
)

LAST_DROPOUT = 0.5
"""Rate of a dropout layer D(n,n), by the published rule."""
_LEVELS = 2**16


def build_network(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Build the network of an architecture, in float32 on the CPU.

    It takes images of shape (batch, channels, height, width) and gives logits of shape (batch, classes).
    ReLU follows every convolution and every FC layer; convolutions keep the size ("same" padding), pooling
    does not pad and rounds down; there is no batch normalisation [MQ], except in the variants of
    `Convolution` that have it. Weights are drawn by Xavier's rule (Glorot and Bengio 2010): uniform within
    sqrt(6 / (fan_in + fan_out)); biases are zero. Batch normalisation begins with scale 1 and shift 0.

    Args:
        architecture: the layers; the number of classes in its GAP and SM layers is not used.
        input_shape: (channels, height, width) of the images.
        num_classes: number of logits.
        generator: source of the weights; PyTorch's global generator if None.

    Raises:
        ShapeError: a window is larger than the map it meets.
    """
    modules: list[nn.Module] = []
    for stage in architecture.stages(input_shape, num_classes):
        modules += _modules(stage)
    network = nn.Sequential(*modules)
    for module in network:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def scale_dropout(network: nn.Module, last: float) -> None:
    """Make `last` the rate of a dropout layer D(n,n), and `last` i/n that of D(i,n).

    The last one of a network with an odd number of C and P layers has less: it is D(n-1,n) by the rule of
    `Architecture.with_dropout`.
    """
    for module in network.modules():
        if isinstance(module, QuickDropout):
            module.rate *= last / LAST_DROPOUT


class GlobalMean(nn.Module):
    """Mean over the map: (batch, channels, height, width) to (batch, channels), in float32."""

    def forward(self, maps: Tensor) -> Tensor:
        """Average in float32 whatever precision the maps have: the means are the logits."""
        return maps.float().mean((2, 3))


class BatchNormalisation(nn.BatchNorm2d):
    """PyTorch's, but it also takes one value per channel: the last image of an epoch, in maps of 1x1.

    One value has no deviation. It is normalised as in evaluation, and does not change the running statistics.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same."""
        if maps.numel() > maps.shape[1]:
            return super().forward(maps)
        kept = self.running_mean, self.running_var
        return nn.functional.batch_norm(maps, *kept, self.weight, self.bias, eps=self.eps)


class QuickDropout(nn.Module):
    """Dropout that on a CPU takes 16 random bits per activation, several times faster than PyTorch's.

    The rate is rounded to a multiple of 2^-16, and the kept activations are scaled by 1 / (1 - rounded rate):
    in float32 exactly, so the expectation is unchanged; in bfloat16 by the nearest number that it has, which
    moves the expectation by at most 0.2%. Draws come from PyTorch's global generator. On other devices it is
    PyTorch's own.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def extra_repr(self) -> str:
        """The rate, for printing."""
        return f"rate={self.rate}"

    def forward(self, activations: Tensor) -> Tensor:
        """In training, set a random share of the activations (any shape) to zero and scale up the rest."""
        if not self.training:
            return activations
        if activations.device.type != "cpu":
            return nn.functional.dropout(activations, self.rate)
        return activations * _keep_mask(activations.detach(), self.rate)


def _keep_mask(like: Tensor, rate: float) -> Tensor:
    """0 with probability `rate`, else 1 / (1 - rate); shape, type and memory layout of `like`."""
    dropped = round(rate * _LEVELS)
    words = torch.empty(-(-like.numel() // 4), dtype=torch.int64)
    bits = words.random_(-(2**63), None).view(torch.int16)[: like.numel()]
    mask = torch.empty_like(like)
    # Every element is drawn alike, so the order in memory will do, and spares a strided pass.
    flat = mask.as_strided((mask.numel(),), (1,))
    torch.ge(bits, dropped - _LEVELS // 2, out=flat)
    flat.mul_(_LEVELS / (_LEVELS - dropped))
    return mask


def _modules(stage: Stage) -> list[nn.Module]:
    """The modules of one layer, with parameters that are allocated but not drawn."""
    before = stage.input_shape
    match stage.layer:
        case Convolution(width, size, stride):
            convolution = _convolution(before[0], width, size, stride, stage.layer.padding)
            norm = [BatchNormalisation(width)] if stage.layer.batch_norm else []
            return [convolution, *norm, nn.ReLU(inplace=True)]
        case Pooling(size, stride):
            return [nn.MaxPool2d(size, stride)]
        case FullyConnected():
            return [*_dense(stage), nn.ReLU(inplace=True)]
        case Dropout():
            return [QuickDropout(stage.layer.rate)]
        case GlobalAveragePooling():
            return [_convolution(before[0], stage.output_shape[0]), GlobalMean()]
        case Softmax():
            # The softmax itself is part of the loss; after GAP its layer adds nothing at all.
            return _dense(stage) if stage.weights else []


def _convolution(inputs: int, outputs: int, size: int = 1, stride: int = 1, padding: int = 0) -> nn.Module:
    return _undrawn(nn.Conv2d, inputs, outputs, kernel_size=size, stride=stride, padding=padding)


def _dense(stage: Stage) -> list[nn.Module]:
    return [nn.Flatten(), _undrawn(nn.Linear, prod(stage.input_shape), stage.output_shape[0])]


def _undrawn(kind: type[nn.Module], *arguments: int, **options: int) -> nn.Module:
    """A module without its own initialisation, which would draw from the global generator.

    `nn.utils.skip_init` would load PyTorch's compiler.
    """
    without = type(kind.__name__, (kind,), {"reset_parameters": lambda module: None})
    module: nn.Module = without(*arguments, **options)
    module.__class__ = kind
    return module
