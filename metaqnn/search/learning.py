"""What an agent learns from many samples, all at once.

An observed state knows its depth, and an update of a path goes from its last step to its first. So the steps
at one depth depend on earlier ones at this depth and the next, and whole depths can be computed one after the
other, from the deepest to the first. Every Q-value goes through the same operations in the same order as with
`ReplayMemory.add` of one sample after the other, so the result is the same to the last bit, several times
faster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from metaqnn.search.agent import Node, Path, QLearner, Step, replay_draws

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Sample = tuple[Path, float]
Change = tuple[int, Floats, Integers]  # of a slot: moment of its first update, its values, how long they last

AT_ONCE = 500_000
"""Updates of paths that are kept in memory at a time."""

FEW = 20
"""Q-values: more than these are updated faster side by side, in an array, than one after the other."""


def learn(agent: QLearner, samples: Sequence[Sample], *, seed: int, draws: int, first: int = 0) -> None:
    """Let an agent learn from samples (path, reward), as `ReplayMemory` does one by one.

    Args:
        agent: has learned from the samples before `first`.
        samples: `ReplayMemory.samples`, where those of the same network share their path.
        seed: of the search.
        draws: stored samples that are learned from after each new network.
        first: the position of the first sample that is learned from.
    """
    known = {id(path) for path, _ in samples[:first]}
    at_once = max(1, AT_ONCE // max(1, draws))
    for begin in range(first, len(samples), at_once):
        updates = []
        for position, (path, _) in enumerate(samples[begin : begin + at_once], begin):
            repeated = id(path) in known
            updates.append(np.array([position]) if repeated else replay_draws(seed, position, draws))
            known.add(id(path))
        _learn(agent, samples, np.concatenate(updates))


def _learn(agent: QLearner, samples: Sequence[Sample], updates: Integers) -> None:
    """Learn from the samples at these positions, in this order."""
    target = np.array([reward for _, reward in samples])[updates]
    times = np.bincount(updates, minlength=len(samples))
    length = np.array([len(path) for path, _ in samples], dtype=np.int16) * (times > 0)
    lengths = length[updates]
    for depth in reversed(range(length.max())):
        deep = np.flatnonzero(length > depth)
        number = np.zeros_like(times)
        number[deep] = np.arange(len(deep))
        own = np.flatnonzero(lengths > depth)
        steps = [samples[sample][0][depth] for sample in deep.tolist()]
        best = _learn_depth(agent.alpha, steps, times[deep], number[updates[own]], target[own])
        target[own] = agent.gamma * best


def _learn_depth(
    alpha: float, steps: list[Step], times: Integers, update: Integers, target: Floats
) -> Floats:
    """Update the Q-values of steps at one depth.

    Args:
        alpha: learning rate.
        steps: those that are updated.
        times: how often each step is updated.
        update: numbers of steps, in order of the updates.
        target: of each update.

    Returns:
        max_u Q(s, u) of each update's state, after that update.
    """
    states: dict[int, dict[int, Node]] = defaultdict(dict)  # of each row, those whose actions differ
    for step in steps:
        states[id(step.row)][id(step.node.choices)] = step.node
    pairs = {(id(step.row), step.slot): step for step in steps}
    row, kind = _numbers(id(step.row) for step in steps), np.array([id(step.node.choices) for step in steps])
    pair = _numbers((id(step.row), step.slot) for step in steps)
    by_row = np.argsort(row[update], kind="stable")
    update = update[by_row]
    by_pair = np.argsort(pair[update], kind="stable")
    ends, row_ends = (np.cumsum(np.bincount(of, times).astype(np.int64)) for of in (pair, row))
    before = np.array([step.row[step.slot] for step in pairs.values()])
    q = _values(target[by_row[by_pair]], ends, alpha, before)
    until = np.append(by_pair[1:], 0)
    until[ends - 1] = row_ends[row[update[by_pair[ends - 1]]]]
    lasting = until - by_pair
    changes: dict[int, dict[int, Change]] = defaultdict(dict)
    for (address, slot), (first, end) in zip(pairs, pairwise([0, *ends.tolist()]), strict=True):
        changes[address][slot] = int(by_pair[first]), q[first:end], lasting[first:end]
    best = np.empty_like(target)
    for (address, alike), (first, end) in zip(states.items(), pairwise([0, *row_ends.tolist()]), strict=True):
        best[by_row[first:end]] = _maxima(alike, kind[update[first:end]], changes[address], first)
    for (address, slot), step in pairs.items():
        step.row[slot] = float(changes[address][slot][1][-1])
    for step in {id(step.row): step for step in pairs.values()}.values():
        step.largest[0] = max(step.row)
    return best


def _numbers(labels: Iterable[object]) -> npt.NDArray[np.unsignedinteger]:
    """Numbers for labels, in order of appearance; NumPy sorts those of one or two bytes by digits."""
    numbers: dict[object, int] = {}
    listed = [numbers.setdefault(label, len(numbers)) for label in labels]
    return np.array(listed, dtype=np.min_scalar_type(len(numbers)))


def _maxima(states: dict[int, Node], kind: Integers, changes: dict[int, Change], begin: int) -> Floats:
    """max_u Q(s, u) of the state of each update of one row, after that update.

    Args:
        states: a state of each kind.
        kind: that of the state of each update.
        changes: of the slots that were updated.
        begin: the moment of the first update.
    """
    tops = {}
    for number, node in states.items():
        unchanged = [node.row[slot] for slot in node.slots if slot not in changes]
        tops[number] = np.full(len(kind), max(unchanged, default=-np.inf))
    for slot, (moment, values, lasting) in changes.items():
        now, before, first = values.repeat(lasting), node.row[slot], moment - begin
        for top in (tops[number] for number, node in states.items() if slot in node.slots):
            np.maximum(top[:first], before, out=top[:first])
            np.maximum(top[first:], now, out=top[first:])
    best = tops.popitem()[1]
    for number, top in tops.items():
        np.copyto(best, top, where=kind == number)
    return best


def _values(target: Floats, ends: Integers, alpha: float, before: Floats) -> Floats:
    """Q-values after each update, Q <- Q + alpha (target - Q), of one pair after the other.

    All first updates are computed at once, then all second ones, and so on.

    Args:
        target: of the updates.
        ends: of each pair's updates.
        alpha: learning rate.
        before: the Q-value of each pair before.
    """
    count = np.diff(ends, prepend=0)
    most = np.argsort(-count, kind="stable")
    busy = len(count) - np.searchsorted(count[most[::-1]], np.arange(count[most[0]]), side="right")
    begin = np.concatenate([[0], np.cumsum(busy)])  # of all first updates, all second ones, ...
    place = np.empty(len(target), dtype=np.int64)
    for rank, pair in enumerate(most.tolist()):
        np.add(begin[: count[pair]], rank, out=place[ends[pair] - count[pair] : ends[pair]])
    values = np.empty_like(target)
    values[place] = target
    q, together = before[most], int(np.count_nonzero(busy > FEW))
    for first, end in pairwise(begin[: together + 1].tolist()):
        now, q = values[first:end], q[: end - first]
        now -= q
        now *= alpha
        now += q
        q = now
    for rank, value in enumerate(q[: busy[together]].tolist() if together < len(busy) else ()):
        rest = begin[together : count[most[rank]]] + rank
        values[rest] = [value := value + alpha * (aim - value) for aim in values[rest].tolist()]
    return values[place]
