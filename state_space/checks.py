"""Checks of the fields of a `StateSpace`: each returns the value in canonical form or raises.

A check takes a field's name and value; its StateSpaceError quotes both and says what would be right.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import TypeVar

from state_space.errors import StateSpaceError, did_you_mean, quoted
from state_space.layers import MAX_NUMBER

MAX_LAYERS = 500
"""The largest layer limit: the notation of such a network can still be parsed."""

SAME = "same"
PADDINGS = (SAME, "valid")
"""Padding of convolutions: so that the map keeps its size, or none."""


def whole(low: int, high: int) -> Callable[[str, object], int]:
    """A check for a whole number from `low` to `high`."""

    def check(name: str, value: object) -> int:
        if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) <= high:
            raise StateSpaceError(f"{name} must be a whole number from {low} to {high}, not {quoted(value)}")
        return int(value)

    return check


T = TypeVar("T")

_size = whole(1, MAX_NUMBER)


def switch(name: str, value: object) -> bool:
    """A check for True or False."""
    if not isinstance(value, bool):
        raise StateSpaceError(f"{name} must be True or False, not {quoted(value)}")
    return value


def one_of(*names: str) -> Callable[[str, object], str]:
    """A check for one of some words."""

    def check(name: str, value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise StateSpaceError(
                f"{name} must be {' or '.join(names)}, not {quoted(value)}{did_you_mean(value, names)}"
            )
        return value

    return check


def numbers_or_none(name: str, values: object) -> tuple[int, ...]:
    """A sequence of distinct positive whole numbers, possibly empty."""
    if not isinstance(values, list | tuple):
        raise StateSpaceError(f"{name} must be a sequence of whole numbers, not {quoted(values)}")
    return _different(name, tuple(_size(f"each of {name}", value) for value in values))


def numbers(name: str, values: object) -> tuple[int, ...]:
    """A sequence of one or more distinct positive whole numbers."""
    checked = numbers_or_none(name, values)
    if not checked:
        raise StateSpaceError(f"{name} must name at least one number, not {quoted(values)}")
    return checked


def odd_numbers(name: str, values: object) -> tuple[int, ...]:
    """A sequence of one or more distinct positive odd numbers."""
    checked = numbers(name, values)
    even = next((value for value in checked if value % 2 == 0), None)
    if even is not None:
        raise StateSpaceError(f"{name} must be odd numbers, but {even} is even")
    return checked


def pairs(name: str, values: object) -> tuple[tuple[int, int], ...]:
    """A sequence of distinct (receptive field, stride) pairs, possibly empty."""
    if not isinstance(values, list | tuple):
        raise StateSpaceError(f"{name} must be (receptive field, stride) pairs, not {quoted(values)}")
    return _different(name, tuple(_pair(name, value) for value in values))


def _pair(name: str, value: object) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise StateSpaceError(
            f"{name} must be (receptive field, stride) pairs, but {quoted(value)} is not one"
        )
    return _size(f"a receptive field in {name}", value[0]), _size(f"a stride in {name}", value[1])


def _different(name: str, values: tuple[T, ...]) -> tuple[T, ...]:
    repeated = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if repeated is not None:
        raise StateSpaceError(f"{name} must not repeat a value, but it repeats {quoted(repeated)}")
    return values


CHECKS: dict[str, Callable[[str, object], object]] = {
    "conv_widths": numbers,
    "conv_sizes": odd_numbers,
    "pools": pairs,
    "fc_widths": numbers_or_none,
    "max_fc": whole(0, MAX_LAYERS),
    "layer_limit": whole(1, MAX_LAYERS),
    "fc_below": whole(1, MAX_NUMBER),
    "image_size": whole(2, MAX_NUMBER),
    "channels": whole(1, MAX_NUMBER),
    "num_classes": whole(2, MAX_NUMBER),
    "conv_padding": one_of(*PADDINGS),
    "batch_norm": switch,
    "initial_pooling": switch,
    "consecutive_pooling": switch,
}
"""The check of each field."""
