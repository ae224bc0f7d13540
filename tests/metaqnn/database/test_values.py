"""Values that no search can have written are reported in one line, by whatever reads the database."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from metaqnn.cli import main
from metaqnn.database import ReplayDatabase
from metaqnn.database.queries import SearchReader
from metaqnn.database.trouble import DatabaseError, check_integrity
from metaqnn.database.values import WITHIN, first_odd_value
from metaqnn.search.knowledge import History
from predictor import EarlyStopper, make_method
from state_space.checks import CHECKS
from state_space.layers import MAX_NUMBER

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
    "UPDATE epochs SET loss = x'00' WHERE epoch = 1": r"loss in epochs is b'\x00'; expected a number",
    "UPDATE trainings SET learning_rate = 9e999": "learning_rate in trainings is inf",
    "UPDATE samples SET position = 1e300 WHERE id = 1": "position in samples is 1e+300; expected a whole",
}


def changed(run, statement):
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute(statement)


def first(run, search=None):
    with create_engine(run.url).connect() as connection:
        return first_odd_value(connection, search)


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
    assert first(finished_run) is None


def test_a_forecast_far_beyond_all_accuracies_is_not_odd(run_copy):
    """Linear models extrapolate: here, after one epoch, five networks at chance and one barely above."""
    history, finals = History(20), [0.3, 0.4, 0.5, 0.6, 0.7, 0.95]
    for i, final in enumerate(finals):
        first_epoch = 0.1001 if final == max(finals) else 0.1
        accuracies = [first_epoch, *np.linspace(0.2, final, 19)]
        history.append(history.curve(10_000 * (i + 1), 5 + i % 2, 1e-3, accuracies))
    rule = EarlyStopper(burn_in=6, model=make_method("ols"))
    predicted = rule.decide(history.curve(35_000, 5, 1e-3, [0.9]), history.curves).y_hat_T
    assert predicted > 1000
    changed(run_copy, f"UPDATE decisions SET predicted_accuracy = {predicted}")
    assert first(run_copy) is None


def test_what_an_older_version_had_not_is_not_missed(run_copy):
    changed(run_copy, "ALTER TABLE searches DROP COLUMN images")
    assert first(run_copy) is None


def test_the_database_of_another_program_has_none():
    with create_engine("sqlite://").connect() as connection:
        assert first_odd_value(connection) is None


@pytest.mark.parametrize(
    "command",
    [["top"], ["show", "1"], ["predict", __file__], ["report", "--no-figures"]],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize(
    "statement", ["UPDATE networks SET final_accuracy = 1e300", "UPDATE epochs SET seconds = -1"]
)
def test_nothing_is_shown_of_odd_values(run_copy, capsys, command, statement):
    changed(run_copy, statement)
    assert main([command[0], str(run_copy.path), *command[1:]]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "it is damaged (" in captured.err


def test_another_search_in_the_database_does_not_matter(run_copy):
    changed(run_copy, "UPDATE networks SET macs = -1")
    assert first(run_copy, 1).startswith("macs in networks is -1")
    assert first(run_copy, 2) is None


@pytest.mark.parametrize("value", ["'NaN'", "'Infinity'", "-1"])
def test_odd_numbers_are_told_wherever_the_database_is(new_database, value):
    url, database = new_database()
    with create_engine(url).begin() as connection:
        connection.execute(text(f"UPDATE searches SET seconds = {value}"))
    with closing(SearchReader(url)) as reader, pytest.raises(DatabaseError, match="seconds in searches is"):
        reader.require_possible()
    database.close()
    with pytest.raises(DatabaseError, match=r"seconds in searches is .*; expected a number from 0 to 1"):
        ReplayDatabase.open(url)


@pytest.mark.parametrize("name", ["image_size", "channels"])
def test_images_of_every_size_that_a_search_takes_can_be_stored(name):
    assert CHECKS[name](name, MAX_NUMBER) in WITHIN[name]
