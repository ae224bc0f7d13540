"""The agent of a stored search, restored by replaying the search's samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from metaqnn.config.search import SearchConfig
from metaqnn.search.agent import QLearner, ReplayMemory
from state_space import Architecture, Layer


class TriedAction(NamedTuple):
    """An observed state, an action that a network took there, and the Q-value of the pair."""

    depth: int  # of the layer that the action adds: 1, 2, ...
    action: Layer
    q: float


def restored_agent(
    config: SearchConfig, search: dict[str, Any], samples: Iterable[tuple[str, float]]
) -> QLearner:
    """The agent as it was after these samples (architecture, reward), in the order of the replay memory."""
    space = config.space(search["channels"], search["image_size"], search["num_classes"])
    agent = QLearner(space, alpha=config.alpha, gamma=config.gamma, initial=config.initial_q)
    memory = ReplayMemory(agent, seed=config.seed, draws=config.replays)
    for architecture, reward in samples:
        memory.add(Architecture.parse(architecture), reward)
    return agent


def tried_actions(agent: QLearner, architectures: Iterable[str]) -> list[TriedAction]:
    """All pairs (observed state, action) on the paths of these networks, in order of first use."""
    table = agent.q_table()
    pairs = {
        (state.observed, action): None
        for architecture in architectures
        for state, action in agent.space.path(Architecture.parse(architecture))
    }
    return [TriedAction(state.depth + 1, action, table[state][action]) for state, action in pairs]
