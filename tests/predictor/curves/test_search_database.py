import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves.search_database import StoredSearch, read_database

TABLE = "CREATE TABLE t (curve, epoch, value, epochs, name, ap_depth, hp_lr)"
VIEW = "CREATE VIEW learning_curves AS SELECT * FROM t"


@pytest.fixture
def database(tmp_path):
    def write(rows, *statements):
        path = tmp_path / "search.db"
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements or (TABLE, VIEW):
                connection.execute(statement)
            connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            connection.commit()
        return path

    return write


def test_curves_of_a_running_search(database, tmp_path):
    rows = [
        (7, 2, 0.4, 3, "b", 5, 0.001),
        (7, 1, 0.3, 3, "b", 5, 0.001),
        (2, 1, 0.1, 3, "a", 4, 0.01),
        (2, 2, 0.2, 3, "a", 4, 0.01),
        (2, 3, 0.5, 3, "a", 4, 0.01),
        (9, 1, None, 3, "c", None, 0.01),
    ]
    path = database(rows)
    for source in (path, tmp_path):
        curves = LearningCurves.read(source)
        np.testing.assert_array_equal(curves.values, [[0.1, 0.2, 0.5], [0.3, 0.4, np.nan], [np.nan] * 3])
        assert curves.names.tolist() == ["a", "b", "c"]
        np.testing.assert_array_equal(curves.architecture["depth"], [4, 5, np.nan])
        np.testing.assert_array_equal(curves.hyperparameters["lr"], [0.01, 0.001, 0.01])


def test_reading_does_not_touch_the_database(database):
    path = database([(1, 1, 0.1, 2, "a", 1, 1)])
    before = path.read_bytes()
    LearningCurves.read(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_search_in_a_folder_without_rights_to_write_is_read_as_it_is(database, monkeypatch):
    path = database([(1, 1, 0.1, 2, "a", 1, 1)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    opened, connect = [], sqlite3.connect

    def noted(address, **options):
        opened.append(address)
        return connect(address, **options)

    monkeypatch.setattr(sqlite3, "connect", noted)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert LearningCurves.read(path).values[0, 0] == 0.1
    assert {address.partition("?")[2] for address in opened} == {"mode=ro&immutable=1"}


@pytest.mark.parametrize(
    ("rows", "statements", "part"),
    [
        ([], (TABLE,), "learning_curves"),
        ([], (TABLE, VIEW), "empty"),
        (
            [(1, 1, 0.1, 2, "a", 1, 1)],
            (TABLE, "CREATE VIEW learning_curves AS SELECT curve, epoch, value FROM t"),
            "epochs",
        ),
        ([(1, 3, 0.1, 2, "a", 1, 1)], (TABLE, VIEW), "epochs 3 to 3 of T = 2"),
        ([(1, 1, "x", 2, "a", 1, 1)], (TABLE, VIEW), "'x'"),
    ],
)
def test_wrong_databases_give_one_line(database, rows, statements, part):
    path = database(rows, *statements)
    with pytest.raises(CurvesError, match=part) as caught:
        LearningCurves.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wishes_about_a_search_are_refused(database):
    path = database([(1, 1, 0.5, 1, "a", 3, 0.1)])
    for wish in ({"metric": "loss"}, {"parameters": ["lr"]}, {"curve": "value"}, {"direction": "minimize"}):
        with pytest.raises(CurvesError, match=f"--{next(iter(wish))} does not apply to a search"):
            LearningCurves.read(path, **wish)


def test_folders_without_a_search_are_refused(tmp_path):
    with pytest.raises(CurvesError, match=r"search\.db"):
        LearningCurves.read(tmp_path)


SEARCHES = "CREATE TABLE t (curve, epoch, value, epochs, name, search, hp_lr)"


@pytest.fixture
def two_searches(database):
    rows = [(1, 1, 0.1, 1, "a", 3, 1), (1, 1, 0.2, 1, "b", 12, 1), (2, 1, 0.3, 1, "c", 3, 1)]
    return database(rows, SEARCHES, VIEW)


def test_curves_of_several_searches_are_never_mixed(two_searches):
    assert LearningCurves.read(two_searches).names.tolist() == ["b"]
    assert read_database(StoredSearch(two_searches, 3)).names.tolist() == ["a", "c"]
    with pytest.raises(CurvesError, match="no epoch has been recorded yet"):
        read_database(StoredSearch(two_searches, 4))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "[" * 100_000, '{"url": "postgresql://h/d", "search": "1 OR 1 = 1"}'], ids=len
)
def test_a_run_folder_that_names_no_search_is_refused(tmp_path, content):
    (tmp_path / "storage.json").write_text(content)
    with pytest.raises(CurvesError, match=r"storage.json does not name a search"):
        LearningCurves.read(tmp_path)


def test_a_server_that_does_not_answer_gives_one_line(tmp_path, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    (tmp_path / "storage.json").write_text('{"url": "postgresql+psycopg://me@127.0.0.1:1/db", "search": 1}')
    with pytest.raises(CurvesError, match="connection failed") as caught:
        LearningCurves.read(tmp_path)
    assert "\n" not in str(caught.value)
