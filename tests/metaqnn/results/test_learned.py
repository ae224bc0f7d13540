"""The restored agent is the search's own."""

from dataclasses import replace
from unittest.mock import Mock

import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.figures import SearchView
from metaqnn.results import learned
from metaqnn.results.learned import Learner, tried_actions
from metaqnn.search.agent import QLearner, ReplayMemory
from metaqnn.search.learning import learn
from state_space import Architecture, StateSpace


def test_the_agents_of_figures_and_of_a_resumed_search_have_its_q_values_to_the_last_bit(
    view, finished_run, open_search
):
    database = ReplayDatabase.open(finished_run.url)
    search, reader = open_search(database), finished_run.reader()
    config = view.config
    agent = QLearner(search.space, alpha=config.alpha, gamma=config.gamma, initial=config.initial_q)
    memory = ReplayMemory(agent, seed=config.seed, draws=config.replays)
    for architecture, reward in reader.samples():
        memory.add(Architecture.parse(architecture), reward)
    assert view.agent.q_table() == search.known.agent.q_table() == agent.q_table()
    assert max(q for actions in agent.q_table().values() for q in actions.values()) > config.initial_q
    reader.close()
    database.close()


def test_whoever_watches_sees_every_sample_of_the_replay_memory(view, finished_run, sql):
    seen = []

    def watch(samples):
        for sample in samples:
            seen.append(sample)
            yield sample

    reader = finished_run.reader()
    watched = SearchView(reader, watch)
    assert watched.agent.q_table() == view.agent.q_table()
    expected = sql(
        "SELECT architecture, reward FROM samples JOIN networks ON networks.id = network_id "
        "WHERE position IS NOT NULL ORDER BY position"
    )
    assert seen == expected
    reader.close()


def test_what_was_learned_is_gone_on_with_as_the_search_grows(view, finished_run, monkeypatch):
    reader, firsts = finished_run.reader(), []
    everything = reader.samples()
    reader.close()

    def noted(agent, samples, *, first, **options):
        firsts.append(first)
        learn(agent, samples, first=first, **options)

    monkeypatch.setattr(learned, "learn", noted)
    learner = Learner()
    for number in (9, 9, 15, len(everything)):
        agent, _ = learner.learn(view.config, view.search, everything[:number])
    assert firsts == [0, 9, 9, 15]
    assert agent.q_table() == view.agent.q_table()


def test_another_search_is_learned_anew(view, finished_run):
    reader = finished_run.reader()
    everything, learner = reader.samples(), Learner()
    reader.close()
    learner.learn(view.config, view.search, [(architecture, 0.1) for architecture, _ in everything])
    agent, paths = learner.learn(view.config, view.search, everything[:9])
    fresh, _ = Learner().learn(view.config, view.search, everything[:9])
    assert agent.q_table() == fresh.q_table()
    assert len(paths) == len({architecture for architecture, _ in everything[:9]})
    other = [(architecture, 0.1) for architecture, _ in everything]  # and with more samples than before
    fresh, _ = Learner().learn(view.config, view.search, other)
    assert learner.learn(view.config, view.search, other)[0].q_table() == fresh.q_table()


def test_after_an_error_everything_is_learned_anew(view, finished_run, monkeypatch):
    reader, learner = finished_run.reader(), Learner()
    everything = reader.samples()
    reader.close()
    learner.learn(view.config, view.search, everything[:9])
    with monkeypatch.context() as broken:
        broken.setattr(learned, "learn", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            learner.learn(view.config, view.search, everything[:15])
    agent, _ = learner.learn(view.config, view.search, everything)
    assert agent.q_table() == view.agent.q_table()


def test_one_network_is_learned_with_the_settings_of_the_search(view):
    """[SM(10)] cannot come first: two steps, the last with the reward 1, beside others at 0.2."""
    config = replace(view.config, alpha=0.3, gamma=0.9, initial_q=0.2, replays=1)
    _, (path,) = Learner().learn(config, view.search, [("[C(8,3,1), SM(10)]", 1.0)])
    last = 0.2 + 0.3 * (1 - 0.2)
    first = 0.2 + 0.3 * (0.9 * last - 0.2)
    assert [step.row[step.slot] for step in path] == pytest.approx([first, last])


def test_only_what_networks_did_counts_as_tried(view):
    everything = sum(map(len, view.agent.q_table().values()))
    first = view.agent.path(Architecture.parse(view.ended[0].architecture))
    tried = tried_actions([first, first])
    assert [(action.depth, action.networks) for action in tried] == [(n, 2) for n in range(1, len(tried) + 1)]
    assert len(tried) < len(view.tried_actions) < everything


def test_states_that_look_alike_to_the_agent_are_one():
    """The pools leave maps of 10 and 15, of which the agent sees only that both are 8 or more."""
    agent = QLearner(StateSpace(image_size=32))
    networks = [f"[C(64,1,1), {pool}, C(64,3,1), SM(10)]" for pool in ("P(5,3)", "P(3,2)")]
    tried = tried_actions(agent.path(Architecture.parse(network)) for network in networks)
    assert [(str(action.action), action.networks) for action in tried] == [
        ("C(64,1,1)", 2), ("P(5,3)", 1), ("C(64,3,1)", 1), ("SM(10)", 2), ("P(3,2)", 1), ("C(64,3,1)", 1),
    ]  # fmt: skip
