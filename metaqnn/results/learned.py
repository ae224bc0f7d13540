"""The agent of a stored search, restored by replaying the search's samples."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from metaqnn.config.search import SearchConfig
from metaqnn.results.replay import learn
from metaqnn.search.agent import QLearner
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
    parsed = ((_parsed(architecture), reward) for architecture, reward in samples)
    learn(agent, parsed, seed=config.seed, draws=config.replays)
    return agent


def tried_actions(agent: QLearner, architectures: Iterable[str]) -> list[TriedAction]:
    """All pairs (observed state, action) on the paths of these networks, in order of first use."""
    steps = (step for architecture in architectures for step in agent.path(_parsed(architecture)))
    pairs = {(id(node.row), node.slots[choice]): (node, choice) for node, choice in steps}
    return [
        TriedAction(node.state.depth + 1, node.actions[choice], node.row[node.slots[choice]])
        for node, choice in pairs.values()
    ]


@lru_cache(maxsize=16_384)
def _parsed(architecture: str) -> Architecture:
    return Architecture.parse(architecture)
