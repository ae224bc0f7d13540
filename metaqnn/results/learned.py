"""The agent of a stored search, restored by replaying the search's samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from threading import Lock
from typing import Any, NamedTuple

from metaqnn.config.search import SearchConfig
from metaqnn.search.agent import Path, QLearner, Step
from metaqnn.search.learning import learn
from state_space import Architecture, Layer

Sample = tuple[str, float]
"""An architecture and its reward."""


class TriedAction(NamedTuple):
    """An observed state, an action that a network took there, and the Q-value of the pair."""

    depth: int  # of the layer that the action adds: 1, 2, ...
    action: Layer
    q: float
    networks: int  # that took it


class Learner:
    """The agent of a stored search, which goes on learning as the search grows. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of: tuple[SearchConfig, int, int, int] | None = None
        self._known: list[Sample] = []
        self._learned: list[tuple[Path, float]] = []
        self._paths: dict[str, Path] = {}
        self._agent: QLearner

    def learn(
        self, config: SearchConfig, search: dict[str, Any], samples: Iterable[Sample]
    ) -> tuple[QLearner, list[Path]]:
        """The agent as it was after these samples, in order of the replay memory, and all networks' paths.

        If the last call was for the same search, the agent learns only from the samples that have come since;
        what that call returned changes, too.
        """
        listed = list(samples)
        of = (config, search["channels"], search["image_size"], search["num_classes"])
        with self._lock:
            if of != self._of or listed[: len(self._known)] != self._known:
                self._begin(of)
            first, self._of = len(self._known), None  # until this is done
            self._learned += [(self._path(architecture), reward) for architecture, reward in listed[first:]]
            learn(self._agent, self._learned, seed=config.seed, draws=config.replays, first=first)
            self._of, self._known = of, listed
            return self._agent, list(self._paths.values())

    def _begin(self, of: tuple[SearchConfig, int, int, int]) -> None:
        config, *shape = of
        self._known, self._learned, self._paths = [], [], {}
        self._agent = QLearner(
            config.space(*shape), alpha=config.alpha, gamma=config.gamma, initial=config.initial_q
        )

    def _path(self, architecture: str) -> Path:
        path = self._paths.get(architecture)
        if path is None:
            path = self._paths[architecture] = self._agent.path(Architecture.parse(architecture))
        return path


def tried_actions(paths: Iterable[Path]) -> list[TriedAction]:
    """All pairs (observed state, action) on these paths, each of a network, in order of first use."""
    steps: dict[tuple[int, int], Step] = {}
    taken: Counter[tuple[int, int]] = Counter()
    for step in chain.from_iterable(paths):
        pair = id(step.row), step.slot
        steps[pair] = step
        taken[pair] += 1
    return [
        TriedAction(
            step.node.state.depth + 1, step.node.actions[step.choice], step.row[step.slot], taken[pair]
        )
        for pair, step in steps.items()
    ]
