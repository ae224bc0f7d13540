"""Networks against always guessing the commonest class of the images that they are measured on."""

from __future__ import annotations

from metaqnn.output import percent


def beats_guess(best: float | None, limit: float | None) -> bool:
    """Whether a measured value is clearly better than guessing; True if either is unknown.

    Args:
        best: the highest accuracy, of whichever metric.
        limit: what guessing hardly ever reaches, see `limit_of_guessing`.
    """
    return best is None or limit is None or best > limit


def guess_text(
    guess: float, limit: float | None, best: float | None, *, who: str = "NO network is clearly better"
) -> str:
    """What a constant guess reaches, with a warning if nothing is clearly better.

    Args:
        guess: what always guessing the commonest class reaches.
        limit: as in `beats_guess`.
        best: as in `beats_guess`.
        who: begins the warning.
    """
    line = f"always guessing the commonest class: {percent(guess)}"
    return line if beats_guess(best, limit) else f"{line}: {who} than that"
