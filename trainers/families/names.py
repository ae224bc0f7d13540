"""Families by what the user writes: a name, a network, or one of the best networks of [MQ].

Source of those: https://bowenbaker.github.io/metaqnn/, seen in its repository (index.html, commit 13715e2).
The order here is that of their test errors, which are those after the long training of the authors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from state_space import Architecture
from state_space.errors import did_you_mean, quoted
from trainers.families.architecture import architecture_family
from trainers.families.base import PRESETS, Family, FamilyError
from trainers.families.convnet import convnet
from trainers.families.lstm import lstm
from trainers.families.resnet import resnet
from trainers.families.resnet39 import resnet39

PREFIX = "published:"


@dataclass(frozen=True)
class PublishedNetwork:
    """A network of the authors.

    Attributes:
        layers: without dropout, which its rule places.
        test_error: as published, a share.
    """

    layers: str
    test_error: float

    @property
    def architecture(self) -> Architecture:
        """The network with its dropout layers."""
        plain = Architecture.parse(self.layers)
        return Architecture.with_dropout(plain.chosen, plain.terminal)


# fmt: off
PUBLISHED = {
    "cifar10-1": PublishedNetwork(
        "C(128,5,1) C(512,3,1) P(2,2) C(128,1,1) C(128,5,1) P(3,2) C(512,3,1) SM(10)", 0.0692),
    "cifar10-2": PublishedNetwork(
        "C(128,5,1) C(512,3,1) P(2,2) C(128,1,1) C(128,5,1) P(3,2) SM(10)", 0.0878),
    "cifar10-3": PublishedNetwork(
        "C(256,3,1) C(128,1,1) C(128,3,1) C(128,3,1) P(5,3) C(128,3,1) SM(10)", 0.0888),
    "cifar10-4": PublishedNetwork(
        "C(64,5,1) C(512,3,1) C(512,1,1) C(64,1,1) C(128,5,1) P(3,2) C(512,5,1) C(512,3,1) "
        "P(5,3) SM(10)", 0.0924),
    "cifar10-5": PublishedNetwork(
        "C(64,3,1) C(64,3,1) P(5,3) C(256,3,1) C(128,5,1) SM(10)", 0.0949),
    "cifar10-6": PublishedNetwork(
        "C(64,3,1) C(128,3,1) P(5,3) C(256,3,1) P(3,2) FC(512) FC(128) SM(10)", 0.1163),
    "svhn-1": PublishedNetwork(
        "C(128,3,1) P(2,2) C(64,1,1) C(256,1,1) C(256,5,1) C(128,1,1) C(128,5,1) C(512,3,1) C(256,5,1) "
        "C(256,1,1) C(128,3,1) C(64,1,1) SM(10)", 0.0224),
    "svhn-2": PublishedNetwork(
        "C(64,1,1) C(128,3,1) C(64,5,1) C(512,5,1) C(256,1,1) C(256,5,1) C(128,1,1) C(256,5,1) P(3,2) "
        "C(512,5,1) C(256,3,1) C(128,3,1) SM(10)", 0.0229),
    "svhn-3": PublishedNetwork(
        "C(128,1,1) C(256,5,1) C(128,5,1) P(2,2) C(256,5,1) C(256,1,1) C(256,3,1) C(256,3,1) C(256,5,1) "
        "C(512,5,1) C(256,3,1) C(128,3,1) SM(10)", 0.0233),
    "svhn-4": PublishedNetwork(
        "C(128,5,1) C(128,3,1) C(64,5,1) P(5,3) C(128,3,1) C(512,5,1) C(256,5,1) C(128,5,1) C(128,5,1) "
        "C(128,3,1) SM(10)", 0.0235),
    "svhn-5": PublishedNetwork(
        "C(128,1,1) C(256,5,1) C(128,5,1) C(512,5,1) C(256,1,1) C(256,5,1) P(5,3) C(128,5,1) C(128,5,1) "
        "C(128,5,1) C(64,1,1) C(128,5,1) SM(10)", 0.0236),
}
# fmt: on
"""The networks by name; `published:NAME` where a family or an architecture is asked for."""


FAMILIES: dict[str, Callable[[str], Family]] = {
    "resnet": resnet,
    "resnet39": resnet39,
    "lstm": lstm,
    "convnet": convnet,
}
"""What makes the family of a preset, by the family's name."""


def make_family(text: str, preset: str) -> Family:
    """The family of that name, or that network as a family.

    Args:
        text: in `FAMILIES`, a network as `[C(16,3,1), P(2,2), SM(10)]`, or `published:` with a
            name in `PUBLISHED`.
        preset: `paper` or `laptop`.

    Raises:
        FamilyError: there is no such family or preset.
        NotationError: the text is nearly a network.
    """
    if preset not in PRESETS:
        hint = did_you_mean(preset, PRESETS)
        raise FamilyError(
            f"preset {quoted(preset)} is not known; families have {' and '.join(PRESETS)}{hint}"
        )
    if text in FAMILIES:
        return FAMILIES[text](preset)
    return architecture_family(text, parse_architecture(text), preset)


def parse_architecture(text: str) -> Architecture:
    """The network that a text writes out or names as published. Raises FamilyError or NotationError."""
    if text.startswith(PREFIX):
        name = text.removeprefix(PREFIX)
        if name not in PUBLISHED:
            known = ", ".join(PUBLISHED) + did_you_mean(name, PUBLISHED)
            raise FamilyError(f"no published network {quoted(name)}; there are {known}")
        return PUBLISHED[name].architecture
    if "(" in text:
        return Architecture.parse(text)
    raise FamilyError(
        f"{quoted(text)} is not a family; expected {', '.join(FAMILIES)}, a network as [C(16,3,1), SM(10)], "
        f"{PREFIX}NAME or a run folder{did_you_mean(text, FAMILIES)}"
    )
