"""Python source of one network: a module that needs only torch and reads as if written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from torch import Tensor

from metaqnn.export.card import Card, ExportError, template
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
from trainers import build_network
from trainers.datasets.decoding import shared_source
from trainers.weights import TrainedNetwork

NAMES = {
    Convolution: "conv",
    Pooling: "pool",
    FullyConnected: "fc",
    Dropout: "dropout",
    GlobalAveragePooling: "head",
    Softmax: "head",
}

AFFINE = ("weight", "bias")
COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class LayerSource:
    """A module in the source, and the line that applies it.

    Attributes:
        name: of its module: conv1, conv2, pool1, ...
        module: the expression that makes the module.
        forward: the expression that applies it to `x`.
        comment: the layer in the published notation, and the shape that comes out of it.
        weights: names of the module's weights.
    """

    name: str
    module: str
    forward: str
    comment: str
    weights: tuple[str, ...]


def model_source(card: Card) -> str:
    """The text of `model.py` for the network that a card describes."""
    networks = {number: layer_sources(card, architecture) for number, architecture in _architectures(card)}
    return template("model.py.jinja").render(card=card, networks=networks, decoding=shared_source())


def layer_sources(card: Card, architecture: str) -> list[LayerSource]:
    """The source of every layer but a softmax after GAP, which has no weights: networks give logits."""
    stages = Architecture.parse(architecture).stages(card.input_shape, len(card.classes))
    return list(_layer_sources(stages))


def named_weights(card: Card, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of `trainers.build_network`, or of an `Ensemble`, under their names in `model_source`."""
    if not card.members:
        return _named(layer_sources(card, card.architecture), weights)
    return {
        f"network{number}.{name}": weight
        for number, architecture in card.members.items()
        for name, weight in _named(layer_sources(card, architecture), below(weights, f"{number}.")).items()
    }


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, by their names without it."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _architectures(card: Card) -> list[tuple[str, str]]:
    """(number, architecture) of the members of an ensemble, or of the only network, whose number is empty."""
    return list(card.members.items()) or [("", card.architecture)]


def _named(layers: list[LayerSource], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Both have the modules in the same order, so the i-th with weights there is the i-th here.

    The number of batches that a normalisation has seen is left out: it matters only in training.
    """
    sources = [layer for layer in layers if layer.weights]
    numbers = dict.fromkeys(key.partition(".")[0] for key in weights)
    return {
        f"{layer.name}.{kind}": weights[f"{number}.{kind}"].contiguous()
        for layer, number in zip(sources, numbers, strict=True)
        for kind in layer.weights
    }


def trainers_weights(network: TrainedNetwork, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of `named_weights`.

    Args:
        network: the network that they belong to; its own weights do not matter.
        named: tensors by their names in `model_source`.

    Raises:
        ExportError: these are not the weights of that network.
    """
    architecture, about = Architecture.parse(network.architecture), (network.input_shape, network.num_classes)
    stages = list(architecture.stages(*about))
    names = [f"{layer.name}.{kind}" for layer in _layer_sources(iter(stages)) for kind in layer.weights]
    numbers = sum(tensor.numel() for tensor in named.values())
    # Counted before anything is built, which then needs no more memory than the weights themselves. There are
    # as many means and variances as scales and shifts.
    if {*names} != named.keys() or numbers != sum(stage.parameters + stage.norms for stage in stages):
        raise ExportError(f"these are not the weights of {architecture} on images of {network.input_shape}")
    built = build_network(architecture, *about).state_dict()
    given = iter(names)
    return {key: tensor if key.endswith(COUNTER) else named[next(given)] for key, tensor in built.items()}


def _layer_sources(stages: Iterator[Stage]) -> Iterator[LayerSource]:
    numbers: Counter[str] = Counter()
    for stage in stages:
        if isinstance(stage.layer, Softmax) and not stage.weights:
            continue
        kind = NAMES[type(stage.layer)]
        numbers[kind] += 1
        name = kind if kind == "head" else f"{kind}{numbers[kind]}"
        module, forward = _expressions(stage, f"self.{name}")
        shape = " x ".join(map(str, stage.output_shape))
        weights: tuple[str, ...] = AFFINE if stage.weights else ()
        if stage.norms:
            yield LayerSource(name, module, f"self.{name}(x)", str(stage.layer), weights)
            name, weights = name.replace(kind, "norm"), (*AFFINE, "running_mean", "running_var")
            module, forward = f"nn.BatchNorm2d({stage.output_shape[0]})", f"self.{name}(x).relu()"
        yield LayerSource(name, module, forward, f"{stage.layer}: {shape}", weights)


def _expressions(stage: Stage, name: str) -> tuple[str, str]:
    """The expression that makes a layer's module, and the one that applies it."""
    inputs, outputs = stage.input_shape, stage.output_shape
    vector = "x" if len(inputs) == 1 else "x.flatten(1)"
    match stage.layer:
        case Convolution(width, size, stride):
            steps = f", stride={stride}" if stride > 1 else ""
            padding = f", padding={stage.layer.padding}" if stage.layer.padding else ""
            module = f"nn.Conv2d({inputs[0]}, {width}, kernel_size={size}{steps}{padding})"
            return module, f"{name}(x)" if stage.norms else f"{name}(x).relu()"
        case Pooling(size, stride):
            return f"nn.MaxPool2d(kernel_size={size}, stride={stride})", f"{name}(x)"
        case Dropout():
            return f"nn.Dropout({stage.layer.rate!r})", f"{name}(x)"
        case GlobalAveragePooling():
            return f"nn.Conv2d({inputs[0]}, {outputs[0]}, kernel_size=1)", f"{name}(x).mean((2, 3))"
        case FullyConnected():
            return f"nn.Linear({prod(inputs)}, {outputs[0]})", f"{name}({vector}).relu()"
        case Softmax():
            return f"nn.Linear({prod(inputs)}, {outputs[0]})", f"{name}({vector})"
