"""Networks against always guessing the commonest class of the images that they are measured on."""

from __future__ import annotations

from metaqnn.output import percent
from trainers.metric import ACCURACY

UNEVEN = 1.2
"""How many times its fair share of the images the commonest class may have before balancing is advised."""


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


def better_balanced(metric: str, guess: float | None, num_classes: int) -> bool:
    """Whether a search for accuracy had better be one for balanced accuracy, if nothing beats the guess.

    Args:
        metric: of the search.
        guess: share of the commonest class among the validation images; None if unknown.
        num_classes: how many classes there are.
    """
    return metric == ACCURACY and guess is not None and guess * num_classes > UNEVEN
