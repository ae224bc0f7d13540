"""Learning from all samples at once gives the same as learning from one after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.search import learning
from metaqnn.search.agent import QLearner, ReplayMemory
from state_space import preset


def samples(space, number, seed):
    """Random networks with rewards; about a quarter of them repeat an earlier one."""
    rng = np.random.default_rng(seed)
    agent, found = QLearner(space), []
    for _ in range(number):
        repeated = found and rng.random() < 0.25
        network = found[rng.integers(len(found))][0] if repeated else agent.sample(1.0, rng)
        found.append((network, float(rng.random())))
    return found


@settings(max_examples=10)
@given(
    st.sampled_from(["cifar10", "svhn", "first-run"]),
    st.integers(0, 60),
    st.floats(0.001, 1),
    st.floats(0, 1),
    st.integers(1, 40),
    st.integers(0, 100),
    st.sampled_from([20, 500, 1_000_000]),
    st.integers(0, 30),
)
def test_it_is_the_same_to_the_last_bit(name, number, alpha, gamma, draws, seed, at_once, few):
    space = preset(name)
    listed = samples(space, number, seed)
    slow, fast = (QLearner(space, alpha=alpha, gamma=gamma, initial=0.3) for _ in range(2))
    memory, recalled = (ReplayMemory(agent, seed=seed, draws=draws) for agent in (slow, fast))
    for network, reward in listed:
        memory.add(network, reward)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "AT_ONCE", at_once)
        patch.setattr(learning, "FEW", few)
        for first, end in ((0, number // 3), (number // 3, number)):
            for network, reward in listed[first:end]:
                recalled.recall(network, reward)
            learning.learn(fast, recalled.samples, seed=seed, draws=draws, first=first)
    assert fast.q_table() == slow.q_table()
