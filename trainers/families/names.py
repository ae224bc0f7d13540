"""Families by what the user writes: a name, a network, or a published one."""

from __future__ import annotations

from collections.abc import Callable

from state_space import Architecture
from state_space.errors import did_you_mean, quoted
from trainers.families.architecture import architecture_family
from trainers.families.base import PRESETS, Family
from trainers.families.convnet import convnet
from trainers.families.lstm import lstm
from trainers.families.parameters import FamilyError
from trainers.families.published import PREFIX, PUBLISHED
from trainers.families.resnet import resnet
from trainers.families.resnet39 import resnet39

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
        f"{quoted(text)} is no family; expected {', '.join(FAMILIES)}, a network as [C(16,3,1), SM(10)], "
        f"{PREFIX}NAME or a run folder{did_you_mean(text, FAMILIES)}"
    )
