"""The agent of a stored search, restored by replaying the search's samples."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

from metaqnn.config.search import SearchConfig
from metaqnn.results.replay import learn
from metaqnn.search.agent import QLearner, ReplayMemory
from state_space import Architecture, Layer

Sample = tuple[str, float]
"""An architecture and its reward."""


class TriedAction(NamedTuple):
    """An observed state, an action that a network took there, and the Q-value of the pair."""

    depth: int  # of the layer that the action adds: 1, 2, ...
    action: Layer
    q: float


class Learner:
    """The agent of a stored search, which goes on learning as the search grows. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of: tuple[SearchConfig, int, int, int] | None = None
        self._known: list[Sample] = []
        self._agent: QLearner
        self._memory: ReplayMemory

    def agent(self, config: SearchConfig, search: dict[str, Any], samples: Iterable[Sample]) -> QLearner:
        """The agent as it was after these samples, in the order of the replay memory.

        It learns from those alone that have come since the last call, if there was one for the same search;
        what that returned changes, too.
        """
        listed = list(samples)
        of = (config, search["channels"], search["image_size"], search["num_classes"])
        with self._lock:
            if of != self._of or listed[: len(self._known)] != self._known:
                self._begin(of, listed)
            for architecture, reward in listed[len(self._known) :]:
                self._memory.add(_parsed(architecture), reward)
            self._known = listed
            return self._agent

    def _begin(self, of: tuple[SearchConfig, int, int, int], samples: list[Sample]) -> None:
        config, *shape = of
        self._of, self._known = None, []  # until this is done
        agent = QLearner(
            config.space(*shape), alpha=config.alpha, gamma=config.gamma, initial=config.initial_q
        )
        memory = ReplayMemory(agent, seed=config.seed, draws=config.replays)
        for architecture, reward in samples:
            memory.recall(_parsed(architecture), reward)
        learn(agent, memory.samples, seed=config.seed, draws=config.replays)
        self._of, self._known, self._agent, self._memory = of, samples, agent, memory


def tried_actions(agent: QLearner, architectures: Iterable[str]) -> list[TriedAction]:
    """All pairs (observed state, action) on the paths of these networks, in order of first use."""
    steps = (step for architecture in architectures for step in agent.path(_parsed(architecture)))
    pairs = {(id(step.row), step.slot): step for step in steps}
    return [
        TriedAction(step.node.state.depth + 1, step.node.actions[step.choice], step.row[step.slot])
        for step in pairs.values()
    ]


@lru_cache(maxsize=16_384)
def _parsed(architecture: str) -> Architecture:
    return Architecture.parse(architecture)
