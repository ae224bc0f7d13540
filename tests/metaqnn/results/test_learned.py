"""The restored agent is the search's own."""

import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.figures import SearchView
from metaqnn.results import learned
from metaqnn.results.learned import Learner, tried_actions
from metaqnn.results.replay import learn


def test_the_agent_has_the_q_values_of_a_resumed_search(view, finished_run, open_search):
    database = ReplayDatabase.open(finished_run.url)
    search = open_search(database)
    own, theirs = view.agent.q_table(), search.agent.q_table()
    assert own.keys() == theirs.keys()
    for state, actions in theirs.items():
        assert own[state] == pytest.approx(actions, abs=1e-12)
    assert (
        max(q for actions in view.agent.q_table().values() for q in actions.values()) > view.config.initial_q
    )
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
    reader, times = finished_run.reader(), []
    everything = reader.samples()
    reader.close()
    monkeypatch.setattr(learned, "learn", lambda *args, **kwargs: (times.append(1), learn(*args, **kwargs)))
    learner = Learner()
    for number in (9, 9, 15, len(everything)):
        agent = learner.agent(view.config, view.record, everything[:number])
    assert len(times) == 1
    for state, actions in view.agent.q_table().items():
        assert agent.q_table()[state] == pytest.approx(actions, abs=1e-12)


def test_another_search_is_learned_anew(view, finished_run):
    reader = finished_run.reader()
    everything, learner = reader.samples(), Learner()
    reader.close()
    learner.agent(view.config, view.record, [(architecture, 0.1) for architecture, _ in everything])
    agent = learner.agent(view.config, view.record, everything[:9])
    assert agent.q_table() == Learner().agent(view.config, view.record, everything[:9]).q_table()


def test_only_what_networks_did_counts_as_tried(view):
    everything = sum(map(len, view.agent.q_table().values()))
    (first, *_) = view.ended
    tried = tried_actions(view.agent, [first.architecture, first.architecture])
    assert [action.depth for action in tried] == list(range(1, len(tried) + 1))
    assert len(tried) < len(view.tried_actions) < everything
