"""The agent against closed forms and against an independent Q-learning over dictionaries."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, chisquare

from metaqnn.search.agent import QLearner, ReplayMemory
from state_space import Architecture, Convolution, Pooling, Softmax, StateSpace

SMALL = StateSpace(
    conv_widths=(8, 16),
    conv_sizes=(1, 3),
    pools=((2, 2), (3, 2)),
    fc_widths=(16, 8),
    layer_limit=4,
    image_size=12,
    channels=1,
)
ONE = StateSpace(conv_widths=(8,), conv_sizes=(1,), layer_limit=1, image_size=8)
"""Two networks: C(8,1,1), then GAP or SM."""
GAP, SM = (Architecture.parse(f"[C(8,1,1), {end}SM(10)]") for end in ("GAP(10), ", ""))


def table(agent):
    """Q-values by readable keys."""
    return {(seen, str(u)): q for seen, row in agent.q_table().items() for u, q in row.items()}


class DictionaryLearner:
    """The recursion as [MQ] writes it, with nothing shared or worked out in advance."""

    def __init__(self, space, alpha, gamma):
        self.space, self.alpha, self.gamma, self.q = space, alpha, gamma, {}

    def value(self, state, action):
        return self.q.get((state.observed, str(action)), 0.5)

    def update(self, architecture, reward):
        steps = list(self.space.path(architecture))
        for state, action in reversed(steps):
            successor = self.space.step(state, action)
            best = max((self.value(successor, u) for u in self.space.actions(successor)), default=0.0)
            r = reward if successor.terminated else 0.0
            new = (1 - self.alpha) * self.value(state, action) + self.alpha * (r + self.gamma * best)
            self.q[state.observed, str(action)] = new


@pytest.mark.parametrize("reward", [0.9, 0.2])
def test_repeated_updates_follow_the_closed_form(reward):
    alpha, n = 0.01, 50
    agent = QLearner(ONE, alpha=alpha)
    path = agent.path(GAP)
    for _ in range(n):
        agent.update(path, reward)
    decay, gap = (1 - alpha) ** n, 0.5 - reward
    (start, conv), (after, terminal) = ONE.path(GAP)
    assert agent.q_value(after, terminal) == pytest.approx(reward + gap * decay, abs=1e-12)
    # Before it, the target is max(Q(GAP), Q(SM)): Q(GAP) where it rises above 0.5, else SM's 0.5.
    expected = reward + gap * decay * (1 + n * alpha) if reward > 0.5 else 0.5
    assert agent.q_value(start, conv) == pytest.approx(expected, abs=1e-12)
    assert agent.q_value(after, Softmax(10)) == 0.5


samples = st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=1, max_size=40)


@settings(max_examples=60)
@given(samples=samples, alpha=st.floats(0.01, 1), gamma=st.floats(0, 1))
def test_updates_agree_with_an_independent_implementation(samples, alpha, gamma):
    agent = QLearner(SMALL, alpha=alpha, gamma=gamma)
    peer = DictionaryLearner(SMALL, alpha, gamma)
    for seed, reward in samples:
        architecture = SMALL.sample(np.random.default_rng(seed))
        agent.update(agent.path(architecture), reward)
        peer.update(architecture, reward)
    values = table(agent)
    assert set(peer.q) <= set(values)
    for key, value in values.items():
        assert value == pytest.approx(peer.q.get(key, 0.5), abs=1e-12)


def test_states_that_look_alike_share_values_but_not_actions():
    space = StateSpace(
        conv_widths=(8,), conv_sizes=(1, 9), pools=((3, 2), (2, 2)), layer_limit=4, image_size=20
    )
    c1, c9, sm = Convolution(8, 1), Convolution(8, 9), Softmax(10)
    # The map side is (20-3)//2+1 = 9 after P(3,2), where a 9x9 field does not fit, and 10 after P(2,2).
    nine, ten = (space.build([c1, Pooling(size, 2), c1, sm]) for size in (3, 2))
    (*_, nine_before, (at_nine, _)), (*_, (at_ten, _)) = space.path(nine), space.path(ten)
    assert at_nine.observed == at_ten.observed
    assert c9 not in space.actions(at_nine)
    agent = QLearner(space, alpha=0.5)
    agent.update(agent.path(space.build([c1, Pooling(2, 2), c1, c9, sm])), 1.0)
    agent.update(agent.path(ten), 0.7)
    assert agent.q_value(at_ten, c9) == pytest.approx(0.625)  # half way from 0.5 to max = 0.75
    assert agent.q_value(at_nine, sm) == agent.q_value(at_ten, sm) == pytest.approx(0.6)
    agent.update(agent.path(nine), 0.6)
    # At side 9 the best allowed action is SM at 0.6; with C(8,9,1) it would have been 0.625.
    assert agent.q_value(*nine_before) == pytest.approx(0.5 * 0.5 + 0.5 * 0.6)


def first_steps(agent, epsilon, n):
    return Counter(str(agent.sample(epsilon, np.random.default_rng(i)).layers[0]) for i in range(n))


def test_greedy_walks_take_the_best_actions_only():
    agent = QLearner(SMALL, alpha=0.5)
    best = SMALL.sample(np.random.default_rng(5))
    for _ in range(10):
        agent.update(agent.path(best), 1.0)
    assert all(agent.sample(0.0, np.random.default_rng(i)) == best for i in range(50))


def test_ties_are_broken_uniformly():
    space = StateSpace(conv_widths=(8, 16, 32), conv_sizes=(1, 3), layer_limit=1, image_size=8)
    agent = QLearner(space, alpha=0.5)
    for poor in (GAP, SM):  # both ways on from C(8,1,1), which falls below the five that were never tried
        for _ in range(10):
            agent.update(agent.path(poor), 0.0)
    counts = first_steps(agent, 0.0, 3000)
    assert sorted(counts) == ["C(16,1,1)", "C(16,3,1)", "C(32,1,1)", "C(32,3,1)", "C(8,3,1)"]
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_epsilon_one_draws_as_the_state_space_does():
    agent = QLearner(ONE)
    agent.update(agent.path(GAP), 1.0)
    drawn = Counter(agent.sample(1.0, np.random.default_rng(i)) for i in range(2000))
    assert chisquare([drawn[GAP], drawn[SM]]).pvalue > 1e-4
    agent = QLearner(SMALL)
    for seed in range(30):
        agent.update(agent.path(SMALL.sample(np.random.default_rng(seed))), 1.0)
    lengths = [
        Counter(len(draw(i).chosen) for i in range(3000))
        for draw in (
            lambda i: agent.sample(1.0, np.random.default_rng((1, i))),
            lambda i: SMALL.sample(np.random.default_rng((2, i))),
        )
    ]
    counts = [[of[length] for length in range(1, 5)] for of in lengths]
    assert chi2_contingency(counts).pvalue > 1e-4


def test_epsilon_is_the_share_of_uniform_choices():
    agent = QLearner(SMALL, alpha=0.5)
    best = SMALL.sample(np.random.default_rng(5))
    for _ in range(10):
        agent.update(agent.path(best), 1.0)
    n, epsilon, actions = 3000, 0.4, len(SMALL.actions(SMALL.start()))
    followed = first_steps(agent, epsilon, n)[str(best.layers[0])]
    assert binomtest(followed, n, 1 - epsilon + epsilon / actions).pvalue > 1e-4


def test_equal_generators_give_equal_walks():
    agent = QLearner(SMALL)
    assert agent.sample(0.5, np.random.default_rng(1)) == agent.sample(0.5, np.random.default_rng(1))


def test_a_path_is_the_walk_of_the_space_also_where_nodes_are_known_already():
    agent, rng = QLearner(SMALL), np.random.default_rng(3)
    for architecture in [SMALL.sample(rng) for _ in range(200)] * 2:
        steps = [(step.node.state, step.node.actions[step.choice]) for step in agent.path(architecture)]
        assert tuple(steps) == SMALL.path(architecture)


def test_an_architecture_outside_the_space_is_refused():
    with pytest.raises(ValueError, match=r"C\(99,1,1\)"):
        QLearner(SMALL).path(Architecture.parse("[C(99,1,1), SM(10)]"))


def test_replay_learns_from_samples_drawn_by_seed_and_position():
    agent, peer = QLearner(SMALL, alpha=0.1), DictionaryLearner(SMALL, 0.1, 1.0)
    memory, stored = ReplayMemory(agent, seed=7, draws=13), []
    found = {SMALL.sample(np.random.default_rng(i)): i / 20 for i in range(20)}
    for position, (architecture, reward) in enumerate(found.items()):
        memory.add(architecture, reward)
        stored.append((architecture, reward))
        replay_purpose = 2  # part of every search's identity
        rng = np.random.default_rng((7, replay_purpose, position))
        for index in rng.integers(0, len(stored), size=13):
            peer.update(*stored[index])
    assert len(memory) == len(stored)
    values = table(agent)
    for key, value in peer.q.items():
        assert values[key] == pytest.approx(value, abs=1e-12)


def test_a_repeated_sample_is_one_more_sample_and_one_update():
    agent, peer = QLearner(ONE), DictionaryLearner(ONE, 0.01, 1.0)
    memory = ReplayMemory(agent, seed=0, draws=4)
    memory.add(GAP, 0.9)
    memory.add(GAP, 0.9)
    assert len(memory) == 2
    for _ in range(4 + 1):
        peer.update(GAP, 0.9)
    for key, value in peer.q.items():
        assert table(agent)[key] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("initial", [0.0, 0.2, 0.4, 0.9])
def test_a_known_network_is_preferred_to_untried_ones_if_it_reached_more_than_the_initial_q_value(initial):
    agent = QLearner(SMALL, initial=initial)
    known = agent.sample(1.0, np.random.default_rng(0))
    for _ in range(100):
        agent.update(agent.path(known), 0.3)
    assert (agent.sample(0.0, np.random.default_rng(1)) == known) is (initial < 0.3)


def test_an_action_that_only_a_larger_map_allows_counts_from_its_first_sight():
    """The agent treats the maps after P(3,1) and P(2,1) as equal, but P(2,1) fits only into the second."""
    space = StateSpace(
        conv_widths=(8,), conv_sizes=(1,), pools=((3, 1), (2, 1)), fc_widths=(), layer_limit=4, image_size=4
    )
    agent = QLearner(space, alpha=1.0)
    for rest in ("C(8,1,1), GAP(10), ", "C(8,1,1), ", "GAP(10), ", ""):
        agent.update(agent.path(Architecture.parse(f"[C(8,1,1), P(3,1), C(8,1,1), {rest}SM(10)]")), 0.0)
    agent.update(agent.path(Architecture.parse("[C(8,1,1), P(2,1), C(8,1,1), GAP(10), SM(10)]")), 0.1)
    _, _, (pooled, then), _ = space.path(Architecture.parse("[C(8,1,1), P(2,1), C(8,1,1), SM(10)]"))
    assert agent.q_value(pooled, then) == 0.5  # of the untried P(2,1)
