"""Learning from all samples at once comes to what learning from one after the other comes to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.results.replay import learn
from metaqnn.search.agent import QLearner, ReplayMemory
from state_space import preset


def samples(space, number, seed):
    """Random networks, about every fourth of them one that was there before."""
    rng = np.random.default_rng(seed)
    agent, found = QLearner(space), []
    for _ in range(number):
        repeated = found and rng.random() < 0.25
        network = found[rng.integers(len(found))][0] if repeated else agent.sample(1.0, rng)
        found.append((network, float(rng.random())))
    return found


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["cifar10", "svhn", "first-run"]),
    st.integers(0, 60),
    st.floats(0.001, 1),
    st.floats(0, 1),
    st.integers(1, 40),
    st.integers(0, 100),
)
def test_it_is_the_same_up_to_rounding(name, number, alpha, gamma, draws, seed):
    space = preset(name)
    listed = samples(space, number, seed)
    slow, fast = (QLearner(space, alpha=alpha, gamma=gamma, initial=0.3) for _ in range(2))
    memory = ReplayMemory(slow, seed=seed, draws=draws)
    for network, reward in listed:
        memory.add(network, reward)
    recalled = ReplayMemory(fast, seed=seed, draws=draws)
    for network, reward in listed:
        recalled.recall(network, reward)
    learn(fast, recalled.samples, seed=seed, draws=draws)
    expected = slow.q_table()
    assert fast.q_table().keys() == expected.keys()
    for state, actions in fast.q_table().items():
        assert actions == pytest.approx(expected[state], abs=1e-12)
