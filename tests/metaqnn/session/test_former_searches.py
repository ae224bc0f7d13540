"""Searches begun by earlier versions go on as those versions would have gone on.

`former/NAME.sql.gz` is the database of a search of 60 simulated networks that was cut off in the middle of a
network, and `former/NAME.json` holds what the version that began it, commit b0f403d, made of it.
"""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.database.engine import sqlite_url
from metaqnn.executors import SerialExecutor

FORMER = Path(__file__).with_name("former")
NAMES = sorted(file.stem for file in FORMER.glob("*.json"))
COLUMNS = "number, architecture, outcome, attempt, epochs"
VALUES = "reward, predicted_accuracy, final_accuracy"


@pytest.fixture
def resumed(tmp_path, open_search, formula_trainer):
    """resumed(name): the database of that search, after it was resumed and ran to its end."""

    def run(name):
        file = tmp_path / "search.db"
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(gzip.decompress((FORMER / f"{name}.sql.gz").read_bytes()).decode())
        database = ReplayDatabase.open(sqlite_url(file))
        search = open_search(database)
        assert 10 < search.trained < search.config.schedule.total
        search.run(SerialExecutor(formula_trainer(search.config.epochs)))
        database.close()
        return file

    return run


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_search_decides_as_the_version_that_began_it(resumed, name):
    expected = json.loads((FORMER / f"{name}.json").read_text())
    with closing(sqlite3.connect(resumed(name))) as connection:
        facts = connection.execute(f"SELECT {COLUMNS} FROM networks ORDER BY number").fetchall()
        values = connection.execute(f"SELECT {VALUES} FROM networks ORDER BY number").fetchall()
    assert facts == [tuple(row[:5]) for row in expected]
    for found, row in zip(values, expected, strict=True):
        assert found == tuple(None if value is None else pytest.approx(value, abs=1e-6) for value in row[5:])


def test_all_kinds_of_rules_are_there():
    assert NAMES == ["delta", "none", "paper", "rank-envelope", "rank-envelope-last-seen"]
