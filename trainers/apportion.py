"""How many images of each class are drawn; apart, so that neither NumPy nor a decoder is imported."""

from __future__ import annotations

from collections.abc import Sequence


def apportion(counts: Sequence[int], size: int) -> list[int]:
    """Divide images to be drawn in proportion to what there is, by the largest remainder.

    Every class that has images keeps at least one.

    Args:
        counts: images of each class.
        size: how many are drawn, at most `most_drawn(counts)`.

    Returns:
        How many of each class.
    """
    total, capacity = sum(counts), [max(n - 1, 0) for n in counts]
    shares = [min(n * size // total, most) for n, most in zip(counts, capacity, strict=True)]
    by_remainder = sorted(range(len(counts)), key=lambda k: -(counts[k] * size % total))
    while missing := size - sum(shares):
        for k in [k for k in by_remainder if shares[k] < capacity[k]][:missing]:
            shares[k] += 1
    return shares


def most_drawn(counts: Sequence[int]) -> int:
    """How many images can be drawn so that every class that has any keeps one."""
    return sum(max(n - 1, 0) for n in counts)
