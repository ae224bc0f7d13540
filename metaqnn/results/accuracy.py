"""What an accuracy says: its interval, ranks that images cannot tell apart, and what guessing reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any

from metaqnn.config.search import SearchConfig
from metaqnn.output import percent
from trainers.metric import ACCURACY

CONFIDENCE = 0.95
UNEVEN = 1.2
"""How many times its fair share of the images the commonest class may have before balancing is advised."""

Interval = tuple[float, float]


def wilson(share: float, n: int) -> Interval:
    """Wilson's interval (1927) of a probability at 95% confidence.

    (p + z^2 / 2n ± z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with z the 97.5% quantile of the
    normal distribution. (SciPy has it in `scipy.stats`, whose import takes longer than `metaqnn top` may.)

    Args:
        share: p, the share of the n trials that succeeded.
        n: number of trials.
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    middle, scale = share + z**2 / (2 * n), 1 + z**2 / n
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def accuracy_interval(accuracy: float | None, config: SearchConfig) -> Interval | None:
    """The interval of an accuracy that was observed on the validation images of a search.

    It tells how exactly so many images determine the accuracy of this trained network; not what another
    training would change, nor that the best of many is partly chosen by luck.

    Returns:
        None for no accuracy, for an unknown number of images, and for balanced accuracy, whose interval
        would need the number of errors in each class.
    """
    if accuracy is None or config.validation_size is None or config.metric != ACCURACY:
        return None
    return wilson(accuracy, config.validation_size)


def shared_ranks(networks: Sequence[Mapping[str, Any]], config: SearchConfig) -> list[int]:
    """The ranks of networks in order of falling rewards; those that cannot be told apart share one.

    The best network and all within its interval are of rank 1. The best of the others has its place as its
    rank, which it shares with all within its own interval, and so on. A prediction has no interval: if it is
    the best of the others, it shares its rank only with equal rewards.

    Args:
        networks: with `reward` and `final_accuracy`.
        config: of their search.
    """
    ranks: list[int] = []
    low = 0.0
    for place, network in enumerate(networks, start=1):
        if ranks and network["reward"] >= low:
            ranks.append(ranks[-1])
            continue
        ranks.append(place)
        interval = accuracy_interval(network["final_accuracy"], config)
        low = network["reward"] if interval is None else interval[0]
    return ranks


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
    """Whether balanced accuracy would suit a search better than accuracy, if nothing beats the guess.

    Args:
        metric: of the search.
        guess: share of the commonest class among the validation images; None if unknown.
        num_classes: how many classes there are.
    """
    return metric == ACCURACY and guess is not None and guess * num_classes > UNEVEN
