"""A view of a search is one moment of it."""

import sqlite3
from contextlib import closing
from types import SimpleNamespace

from metaqnn.figures import SearchView


def test_a_view_stays_as_it_was_read(run_copy):
    with closing(run_copy.reader()) as reader:
        view = SearchView(reader)
        before = len(view.ended), view.summary.networks, view.in_training
        stopped = sum(row.outcome == "stopped" for row in view.ended)
        with closing(sqlite3.connect(run_copy.database)) as connection, connection:
            connection.execute("UPDATE networks SET reward = NULL, outcome = NULL WHERE number > 20")
        assert (len(view.ended), view.summary.networks, view.in_training) == before == (24, 24, 0)
        assert view.audit_summary.stops == stopped
        later = SearchView(reader)
        assert (len(later.ended), later.summary.networks, later.in_training) == (20, 20, 4)


def test_audits_tell_who_made_them(view, sql):
    numbers = {n for (n,) in sql("SELECT number FROM networks WHERE outcome = 'stopped'")}
    assert {audit["number"] for audit in view.audits} == numbers
    assert not any(audit["in_loop"] for audit in view.audits)


def test_importances_are_of_a_thousand_networks_evenly_spread_of_which_none_failed(view, monkeypatch):
    """Of 2500 that were completed or stopped every third is looked at."""
    outcomes = "completed", "stopped", "chance"
    ended = [SimpleNamespace(architecture=n, reward=n / 10, outcome=outcomes[n % 3]) for n in range(3750)]
    monkeypatch.setitem(view.__dict__, "ended", ended)
    monkeypatch.setattr("metaqnn.results.view.importance", lambda *given: given)
    numbers, rewards = view.importance
    assert rewards == [n / 10 for n in numbers]
    assert (len(numbers), numbers[:5], max(numbers)) == (834, [0, 4, 9, 13, 18], 3748)
    assert {outcomes[n % 3] for n in numbers} == {"completed", "stopped"}
