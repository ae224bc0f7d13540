"""State spaces by name: the two of the papers, and two small ones of the same kind for use without a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from state_space.errors import StateSpaceError, did_you_mean, quoted
from state_space.space import StateSpace

PRESETS: Final[dict[str, StateSpace]] = {
    "cifar10": StateSpace(),
    "svhn": StateSpace(layer_limit=12),
    "laptop": StateSpace(
        conv_widths=(8, 16, 32, 64),
        fc_widths=(64, 32, 16),
        layer_limit=8,
        image_size=16,
    ),
    # A map of 8x8 is halved at most twice, and a 5x5 window with stride 3 would leave 2x2 at once.
    "first-run": StateSpace(
        conv_widths=(8, 16, 32),
        pools=((3, 2), (2, 2)),
        fc_widths=(64, 32),
        layer_limit=5,
        image_size=8,
        channels=1,
    ),
}


def preset(
    name: str,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    num_classes: int | None = None,
) -> StateSpace:
    """The state space of that name, adapted to other images or classes where these are given.

    Raises StateSpaceError for an unknown name or for images that the space cannot serve.
    """
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS)
        raise StateSpaceError(f"unknown preset {quoted(name)}: presets are {', '.join(PRESETS)}{hint}")
    space = PRESETS[name]
    return replace(
        space,
        image_size=space.image_size if image_size is None else image_size,
        channels=space.channels if channels is None else channels,
        num_classes=space.num_classes if num_classes is None else num_classes,
    )
