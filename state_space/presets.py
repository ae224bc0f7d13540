"""State spaces by name: the two of the papers, and two small ones of the same kind for use without a GPU."""

from __future__ import annotations

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


def preset(name: str) -> StateSpace:
    """The state space of that name. Raises StateSpaceError for an unknown one."""
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS)
        raise StateSpaceError(f"unknown preset {quoted(name)}: presets are {', '.join(PRESETS)}{hint}")
    return PRESETS[name]
