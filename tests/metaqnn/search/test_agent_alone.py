"""The agent against Q-learning written from the papers alone: no code of this project walks or learns in it.

Table 1's rules, the bins of the representation size, the reversed order of updates, and replays of 128 draws
as in the authors' own program.
"""

import re
from functools import cache

import numpy as np
import pytest

from metaqnn.search.agent import QLearner, ReplayMemory
from state_space import preset

ALPHA, DRAWS, SAMPLES, LIMIT = 0.01, 128, 500, 18
CONVOLUTIONS = [("C", d, f, 1) for d in (64, 128, 256, 512) for f in (1, 3, 5)]
POOLS = [("P", 0, f, stride) for f, stride in ((5, 3), (3, 2), (2, 2))]
DENSE = [("FC", d, 0, 0) for d in (512, 256, 128)]
ENDS = [("GAP", 10, 0, 0), ("SM", 10, 0, 0)]
START = ("start", 0, 0, 0), 0, 0, 32  # layer, depth, FC layers in a row, side of the map


@cache
def allowed(layer, depth, dense, side):
    kind, width = layer[:2]
    ends = ENDS[1:] if kind == "FC" else ENDS
    if kind == "start":
        return CONVOLUTIONS
    if depth == LIMIT:
        return ends
    if kind == "FC":
        return [u for u in DENSE if dense < 2 and u[1] <= width] + ends
    spatial = [u for u in (CONVOLUTIONS if kind == "P" else CONVOLUTIONS + POOLS) if u[2] < side]
    return spatial + (DENSE if side < 8 else []) + ends


def after(state, action):
    _, depth, dense, side = state
    kind, _, field, stride = action
    side = (side - field) // stride + 1 if kind == "P" else 1 if kind == "FC" else side
    return action, depth + 1, dense + 1 if kind == "FC" else 0, side


def seen(state):
    layer, depth, dense, side = state
    return layer, depth, dense, "8+" if side >= 8 else "4-7" if side >= 4 else "1-3"


@cache  # replays draw a network again and again
def steps(text):
    """(state, action) of each choice in a network's string; dropout and the softmax after GAP are none."""
    state, found = START, []
    for kind, numbers in re.findall(r"(C|P|FC|GAP|SM)\(([\d,]+)\)", text):
        n = [*map(int, numbers.split(",")), 0, 0]
        action = (kind, 0, n[0], n[1]) if kind == "P" else (kind, n[0], n[1], n[2])
        found.append((state, action))
        if kind == "GAP":
            break
        state = after(state, action)
    return found


def learn(q, text, reward):
    for state, action in reversed(steps(text)):
        if action in ENDS:
            target = reward
        else:
            following = after(state, action)
            target = max(q.get((seen(following), u), 0.5) for u in allowed(*following))
        key = seen(state), action
        q[key] = (1 - ALPHA) * q.get(key, 0.5) + ALPHA * target


@pytest.fixture(scope="module")
def networks():
    space = preset("cifar10")
    return space, list(dict.fromkeys(space.sample(np.random.default_rng(i)) for i in range(SAMPLES + 50)))


def test_the_same_q_values_after_500_samples(networks):
    space, sampled = networks
    agent, q, stored = QLearner(space, alpha=ALPHA), {}, []
    memory = ReplayMemory(agent, seed=11, draws=DRAWS)
    for position, architecture in enumerate(sampled[:SAMPLES]):
        reward = float(np.random.default_rng((5, position)).random())
        memory.add(architecture, reward)
        stored.append((str(architecture), reward))
        drawn = np.random.default_rng((11, 2, position)).integers(0, len(stored), size=DRAWS)
        for index in drawn:
            learn(q, *stored[index])
    compared = 0
    for architecture in sampled[:SAMPLES]:
        ours, theirs = space.path(architecture), steps(str(architecture))
        for (state, action), (other, choice) in zip(ours, theirs, strict=True):
            assert agent.q_value(state, action) == pytest.approx(q.get((seen(other), choice), 0.5), abs=1e-12)
            compared += 1
    assert compared > 1500
    assert len({round(value, 12) for value in q.values()}) > 300


def test_both_allow_the_same_choices(networks):
    space, sampled = networks
    for architecture in sampled[:100]:
        for (state, _), (other, _) in zip(space.path(architecture), steps(str(architecture)), strict=True):
            assert len(space.actions(state)) == len(allowed(*other))
