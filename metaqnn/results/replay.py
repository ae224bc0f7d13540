"""What an agent has learned from a finished sequence of samples, all at once.

An observed state knows its depth, and an update of a path goes from its last step to its first. So the steps
at one depth depend on earlier ones at this depth and the next, and whole depths can be computed one after the
other, from the deepest to the first: for thousands of networks in a second, where `ReplayMemory`, which must
answer after each sample, takes ten. The sums are the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from metaqnn.search.agent import Node, Path, QLearner, replay_draws

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Steps:
    """The steps of all samples, as arrays (depth, sample); -1 behind the end of a path."""

    nodes: list[Node]
    node: Integers
    slot: Integers


def learn(agent: QLearner, samples: Sequence[tuple[Path, float]], *, seed: int, draws: int) -> None:
    """Let a fresh agent learn from samples (path, reward), as `ReplayMemory` does one by one.

    Args:
        agent: that has learned nothing yet.
        samples: `ReplayMemory.samples`, where those of the same network share their path.
        seed: of the search.
        draws: stored samples that are learned from after each new network.
    """
    if not samples:
        return
    paths = [path for path, _ in samples]
    steps, updates = _steps(paths), _updates(paths, seed, draws)
    target = np.array([reward for _, reward in samples])[updates]
    rows = np.unique([id(node.row) for node in steps.nodes], return_inverse=True)[1]
    for node, slot in zip(steps.node[::-1], steps.slot[::-1], strict=True):
        row = np.where(node < 0, -1, rows[node])
        for own in _groups(row[updates]):
            sample = updates[own]
            if row[sample[0]] >= 0:
                best = _learn_row(agent, steps.nodes, node[sample], slot[sample], target[own])
                target[own] = agent.gamma * best


def _groups(labels: Integers) -> list[Integers]:
    """The places of each label, in order."""
    small = labels.astype(np.int16) if labels.max() < 2**15 else labels  # is sorted by its digits
    order = np.argsort(small, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(small[order])) + 1)


def _steps(paths: list[Path]) -> _Steps:
    known: dict[tuple[int, int], tuple[int, Node]] = {}  # with the same row and actions: alike to the agent
    node, slot = np.full((2, max(map(len, paths)), len(paths)), -1)
    for sample, path in enumerate(paths):
        own = [
            known.setdefault((id(step.row), id(step.node.choices)), (len(known), step.node)) for step in path
        ]
        node[: len(path), sample] = [number for number, _ in own]
        slot[: len(path), sample] = [step.slot for step in path]
    return _Steps([at for _, at in known.values()], node, slot)


def _updates(paths: list[Path], seed: int, draws: int) -> Integers:
    """The samples that were learned from, in order: draws after a new network, else the sample itself."""
    known: set[int] = set()
    parts = []
    for position, path in enumerate(paths):
        repeated = id(path) in known
        parts.append(np.array([position]) if repeated else replay_draws(seed, position, draws))
        known.add(id(path))
    return np.concatenate(parts)


def _learn_row(agent: QLearner, nodes: list[Node], node: Integers, slot: Integers, target: Floats) -> Floats:
    """All updates of one observed state. Returns max_u Q(s, u) of its true state after each of them."""
    row, alpha, initial = nodes[node[0]].row, agent.alpha, agent.initial
    updates = {int(slot[own[0]]): own for own in _groups(slot)}
    allowed = {number: set(nodes[number].slots) for number in np.flatnonzero(np.bincount(node))}
    waiting = [number for number, slots in allowed.items() if not slots <= updates.keys()]
    best = np.where(np.isin(node, waiting), initial, -np.inf)
    for one, own in updates.items():
        # Q <- (1 - alpha) Q + alpha target, a recursive filter
        learned, _ = lfilter([alpha], [1, alpha - 1], target[own], zi=[(1 - alpha) * initial])
        after = np.diff(own, prepend=0, append=len(node))
        values = np.repeat(np.concatenate([[initial], learned]), after)
        where = [number for number, slots in allowed.items() if one in slots]
        there = True if len(where) == len(allowed) else np.isin(node, where)
        np.maximum(best, values, out=best, where=there)
        row[one] = float(learned[-1])
    nodes[node[0]].largest[0] = max(row)
    return best
