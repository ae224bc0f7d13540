"""A view of a search is one moment of it."""

import sqlite3
from contextlib import closing

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
