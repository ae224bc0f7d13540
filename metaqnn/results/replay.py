"""What an agent has learned from a finished sequence of samples, all at once.

An observed state knows its depth, and an update of a path goes from its last step to its first. So the steps
at one depth depend on earlier ones at this depth and the next, and whole depths can be computed one after the
other, from the deepest to the first: for thousands of networks in a second, where `ReplayMemory`, which must
answer after each sample, takes ten. The sums are the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from metaqnn.search.agent import Node, QLearner, replay_draws
from state_space import Architecture

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Steps:
    """The steps of all samples, as arrays (depth, sample); -1 behind the end of a path."""

    nodes: list[Node]
    node: Integers
    slot: Integers


def learn(agent: QLearner, samples: Iterable[tuple[Architecture, float]], *, seed: int, draws: int) -> None:
    """Let a fresh agent learn from samples (architecture, reward), as `ReplayMemory` does one by one.

    Args:
        agent: that has learned nothing yet.
        samples: in the order of the replay memory.
        seed: of the search.
        draws: stored samples that are learned from after each new network.
    """
    listed = list(samples)
    if not listed:
        return
    steps = _steps(agent, [architecture for architecture, _ in listed])
    updates = _updates([architecture for architecture, _ in listed], seed, draws)
    target = np.array([reward for _, reward in listed])[updates]
    rows = np.unique([id(node.row) for node in steps.nodes], return_inverse=True)[1]
    for nodes, slots in zip(steps.node[::-1], steps.slot[::-1], strict=True):
        node = nodes[updates]
        there = np.flatnonzero(node >= 0)
        node, slot = node[there], slots[updates[there]]
        for own in _groups(rows[node]):
            best = _learn_row(agent, steps.nodes, node[own], slot[own], target[there[own]])
            target[there[own]] = agent.gamma * best


def _groups(labels: Integers) -> list[Integers]:
    """The places of each label, in order."""
    small = labels.astype(np.uint16) if labels.max(initial=0) < 2**16 else labels  # is sorted by its digits
    order = np.argsort(small, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(small[order])) + 1) if len(order) else []


def _steps(agent: QLearner, architectures: list[Architecture]) -> _Steps:
    paths = {architecture: agent.path(architecture) for architecture in dict.fromkeys(architectures)}
    numbers: dict[int, int] = {}
    alike: dict[tuple[int, ...], int] = {}  # what has the same row and actions is the same to the agent
    nodes: list[Node] = []
    shape = max(map(len, paths.values())), len(architectures)
    steps = _Steps(nodes, np.full(shape, -1), np.full(shape, -1))
    for sample, architecture in enumerate(architectures):
        for depth, (node, choice) in enumerate(paths[architecture]):
            if id(node) not in numbers:
                numbers[id(node)] = alike.setdefault((id(node.row), *node.slots), len(nodes))
                nodes += [node] * (len(alike) - len(nodes))
            steps.node[depth, sample], steps.slot[depth, sample] = numbers[id(node)], node.slots[choice]
    return steps


def _updates(architectures: list[Architecture], seed: int, draws: int) -> Integers:
    """The samples that were learned from, in order: draws after a new network, else the sample itself."""
    known: set[Architecture] = set()
    parts = []
    for position, architecture in enumerate(architectures):
        repeated = architecture in known
        parts.append(np.array([position]) if repeated else replay_draws(seed, position, draws))
        known.add(architecture)
    return np.concatenate(parts)


def _learn_row(agent: QLearner, nodes: list[Node], node: Integers, slot: Integers, target: Floats) -> Floats:
    """All updates of one observed state. Returns max_u Q(s, u) of its true state after each of them."""
    row, alpha, initial = nodes[node[0]].row, agent.alpha, agent.initial
    values: dict[int, Floats] = {}  # of the slots that are updated, after each update of the state
    for own in _groups(slot):
        # Q <- (1 - alpha) Q + alpha target, a recursive filter
        learned, _ = lfilter([alpha], [1, alpha - 1], target[own], zi=[(1 - alpha) * initial])
        after = np.diff(own, prepend=0, append=len(node))
        values[int(slot[own[0]])] = np.repeat(np.concatenate([[initial], learned]), after)
        row[slot[own[0]]] = float(learned[-1])
    groups, best = _groups(node), np.empty(len(node))
    for own in groups:
        allowed = nodes[node[own[0]]].slots
        moved = [values[one] for one in allowed if one in values]
        of_node = moved if len(groups) == 1 else [value[own] for value in moved]
        highest = reduce(np.maximum, of_node)
        best[own] = highest if len(moved) == len(allowed) else np.maximum(highest, initial)
    return best
