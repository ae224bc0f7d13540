"""What is measured in one search on the surrogate trainer, and between two."""

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

LATE = 0.3
"""Rewards of the last three stages are looked at separately: there the agent goes where they are highest."""
LEAST_VISITS = 10
"""Q-values are compared where at least so many networks of both searches passed."""


@dataclass(frozen=True, eq=False)
class SearchFile:
    """One search, as `search_comparison.py` stored it."""

    rule: str
    seed: int
    T: int
    policy: float
    columns: dict[str, npt.NDArray[Any]]
    q_values: dict[str, tuple[float, int]]

    @classmethod
    def read(cls, file: Path) -> "SearchFile":
        stored = json.loads(file.read_text())
        columns = {name: np.array(values) for name, values in stored["networks"].items()}
        numbers = {name: columns[name].astype(float) for name in ("forecast", "best", "stop_epoch")}
        epochs = stored["config"]["epochs"]
        return cls(
            stored["rule"],
            stored["seed"],
            epochs,
            stored["policy"],
            {**columns, **numbers},
            stored["q_values"],
        )

    @cached_property
    def trained_to_end(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.columns["outcome"] == "completed")

    @cached_property
    def stopped(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.columns["outcome"] == "stopped")

    @property
    def epochs(self) -> int:
        return int(self.columns["epochs"].sum())


def measure(search: SearchFile, reference: SearchFile | None) -> dict[str, float]:
    """All numbers of one search; the reference has the same seed and no early stopping."""
    true, epsilon, stopped = search.columns["true"], search.columns["epsilon"], search.stopped
    errors = search.columns["reward"] - true
    would_stop = np.isfinite(search.columns["stop_epoch"])
    beaten = true > search.columns["best"]
    return {
        "epochs": search.epochs,
        "speed_up": float("nan") if reference is None else reference.epochs / search.epochs,
        "trained_to_end": int(search.trained_to_end.sum()),
        "best_trained": float(true[search.trained_to_end].max()),
        "best_of_all": float(true.max()),
        "mean_at_0.1": float(true[epsilon == epsilon.min()].mean()),
        "policy_at_0.1": search.policy,
        "q_agreement": float("nan") if reference is None else agreement(search, reference),
        "reward_bias": _mean(errors[stopped]),
        "late_reward_bias": _mean(errors[stopped & (epsilon <= LATE)]),
        "reward_mae": _mean(np.abs(errors[stopped])),
        "false_stops": _mean(beaten[would_stop]),
    }


def agreement(one: SearchFile, other: SearchFile) -> float:
    """Spearman's correlation of the Q-values of state-action pairs that both searches visited often."""
    pairs = [
        (q, other.q_values[key][0])
        for key, (q, visits) in one.q_values.items()
        if min(visits, other.q_values.get(key, (0, 0))[1]) >= LEAST_VISITS
    ]
    return float(spearmanr(pairs).statistic) if len(pairs) > 2 else float("nan")


def noise_floor(references: list[SearchFile]) -> tuple[float, float]:
    """The same between n > 1 searches without early stopping that differ in their seeds.

    Returns:
        The mean over all pairs of them, and its standard error: by the jackknife over the searches (NaN of
        two), as pairs that share a search are not independent.
    """
    n = len(references)
    pairs = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        pairs[i, j] = pairs[j, i] = agreement(references[i], references[j])
    mean = float(pairs.sum() / (n * (n - 1)))
    if n == 2:
        return mean, float("nan")
    without = (pairs.sum() - 2 * pairs.sum(axis=0)) / ((n - 1) * (n - 2))
    return mean, float(np.sqrt((n - 1) * without.var()))


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
