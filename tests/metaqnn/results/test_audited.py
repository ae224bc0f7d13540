"""Networks that only an audit has trained to the end are named where the best are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from metaqnn.results.audited import audited_note

SET = """UPDATE epochs SET accuracy = ? WHERE epoch = (SELECT epochs FROM searches) AND training_id IN (
SELECT trainings.id FROM trainings JOIN networks ON networks.id = network_id
WHERE purpose = 'audit' AND number = ?)"""


@pytest.fixture
def stopped(run_copy):
    """The numbers of the audited networks, all of which end at accuracy 0."""
    with closing(run_copy.reader()) as reader:
        numbers = [row["number"] for row in reader.audits() if not row["in_loop"]]
    ended(run_copy, dict.fromkeys(numbers, 0.0))
    return numbers


def ended(run, accuracies):
    with closing(sqlite3.connect(run.database)) as connection, connection:
        for number, accuracy in accuracies.items():
            connection.execute(SET, [accuracy, number])


def note(run, k):
    with closing(run.reader()) as reader:
        return audited_note(reader, reader.top(k), Path("runs/x"))


def test_an_audited_network_that_is_worse_than_all_that_are_listed_is_not_named(run_copy, stopped):
    assert len(stopped) > 1
    assert note(run_copy, 3) == ""


def test_audited_networks_that_would_be_listed_are_named_with_a_command_that_takes_the_best_of_all(
    run_copy, stopped
):
    with closing(run_copy.reader()) as reader:
        best = reader.top(3)
    first, second = stopped[:2]
    ended(run_copy, {first: 0.995, second: 0.997})
    assert best[0]["final_accuracy"] < 0.995
    assert note(run_copy, 3) == (
        f"stopped networks that `metaqnn audit` found better than the last of these: {second} (99.70%), "
        f"{first} (99.50%); with them, the best are: metaqnn finetune runs/x --networks {second} {first} "
        f"{best[0]['number']}"
    )
    assert note(run_copy, 2).endswith(f"--networks {second} {first}")


def test_without_a_network_that_was_trained_to_the_end_nothing_is_compared(run_copy, stopped):
    ended(run_copy, {stopped[0]: 0.995})
    with closing(run_copy.reader()) as reader:
        assert audited_note(reader, [], Path("runs/x")) == ""
