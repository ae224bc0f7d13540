"""The restored agent is the search's own."""

import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.figures import SearchView
from metaqnn.results.learned import tried_actions


def test_the_agent_has_the_q_values_of_a_resumed_search(view, finished_run, open_search):
    database = ReplayDatabase.open(finished_run.url)
    search = open_search(database)
    own, theirs = view.agent.q_table(), search.agent.q_table()
    assert own.keys() == theirs.keys()
    for state, actions in theirs.items():
        assert own[state] == pytest.approx(actions, abs=1e-12)
    assert max(q for actions in view.agent.q_table().values() for q in actions.values()) > 0.5
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


def test_only_what_networks_did_counts_as_tried(view):
    everything = sum(map(len, view.agent.q_table().values()))
    (first, *_) = view.ended
    tried = tried_actions(view.agent, [first.architecture, first.architecture])
    assert [action.depth for action in tried] == list(range(1, len(tried) + 1))
    assert len(tried) < len(view.tried_actions) < everything
