"""Databases with values that no search has written are told in one line, whoever reads them."""

import sqlite3
from contextlib import closing

import pytest

from metaqnn.cli import main
from metaqnn.database.trouble import check_integrity
from metaqnn.database.values import first_odd_value

ODD = {
    "UPDATE searches SET num_classes = 0": "num_classes in searches is 0; expected a whole number from 1 to",
    "UPDATE searches SET seconds = 9e999": "seconds in searches is inf; expected a number from 0 to 100",
    "UPDATE searches SET created_at = 'then'": "created_at in searches is 'then'; expected a number from 0",
    "UPDATE searches SET config = x'ff'": r"config in searches is b'\xff'; expected JSON",
    "UPDATE networks SET macs = -1": "macs in networks is -1; expected a whole number from 0 to",
    "UPDATE networks SET final_accuracy = 1e300": "final_accuracy in networks is 1e+300; expected a number",
    "UPDATE networks SET reward = 'x'": "reward in networks is 'x'; expected a number from -1000 to 1000",
    "UPDATE networks SET number = 0 WHERE id = 3": "number in networks is 0; expected a whole number from 1",
    "UPDATE networks SET architecture = x'37' WHERE id = 3": "architecture in networks is b'7'",
    "UPDATE epochs SET epoch = epoch + 100000000": "epoch in epochs is 1000000",
    "UPDATE epochs SET accuracy = 9e999": "accuracy in epochs is inf; expected a number from 0 to 1",
    "UPDATE trainings SET learning_rate = 9e999": "learning_rate in trainings is inf",
    "UPDATE samples SET position = 1e300 WHERE id = 1": "position in samples is 1e+300; expected a whole",
}


def changed(run, statement):
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("statement", ODD)
def test_no_search_is_resumed_on_an_odd_value(run_copy, capsys, statement):
    changed(run_copy, statement)
    assert main(["run", "--quiet", "--resume", str(run_copy.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "search.db is no longer a MetaQNN replay database, it is damaged" in line
    assert ODD[statement] in line


@pytest.mark.parametrize(
    "command", [["top"], ["report", "--no-figures"], ["finetune"], ["export", "--to", "export"]]
)
@pytest.mark.parametrize(
    "content", ["[1]", "null", "NaN", "[" * 100_000, '{"epochs": ' + "9" * 5000 + "}"], ids=len
)
def test_options_that_are_none_are_one_line(run_copy, capsys, command, content):
    changed(run_copy, f"UPDATE searches SET config = '{content}'")
    assert main([*command, str(run_copy.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 1000


def test_an_unknown_preset_is_named(run_copy, capsys):
    changed(run_copy, """UPDATE searches SET config = json_set(config, '$.preset', 'zzz')""")
    assert main(["run", "--quiet", "--resume", str(run_copy.path)]) == 2
    assert "--preset is 'zzz'; it must be paper, laptop, first-run" in capsys.readouterr().err


def test_a_search_has_no_odd_values(finished_run):
    check_integrity(finished_run.url)
    with closing(sqlite3.connect(finished_run.database)) as connection:
        assert first_odd_value(connection) is None


def test_what_an_older_version_had_not_is_not_missed(run_copy):
    changed(run_copy, "ALTER TABLE searches DROP COLUMN images")
    with closing(sqlite3.connect(run_copy.database)) as connection:
        assert first_odd_value(connection) is None


def test_the_database_of_another_program_has_none():
    with closing(sqlite3.connect(":memory:")) as connection:
        assert first_odd_value(connection) is None
