"""What a search remarks while it runs."""

import logging
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SerialExecutor
from metaqnn.search.remarks import Remarks, why_over
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


def test_many_networks_in_a_row_that_learn_nothing_are_told_once(
    new_database, open_search, formula_trainer, warnings
):
    class Hopeless(formula_trainer):
        def train(self, architecture, *, seed, on_epoch, checkpoint=None):
            on_epoch(EpochReport(1, 1e-3, 1, 0.1, 2.3, 0.1))
            return TrainingResult(Outcome.CHANCE, (0.1,), 1e-3, 1, 0.1, "no better than chance")

    url, database = new_database()
    open_search(database).run(SerialExecutor(Hopeless(5)))
    database.close()
    told = warnings()
    assert [line for line in told if "networks in a row have learned nothing" in line] == told
    assert len(told) == 1
    assert "commonest class (10.00%)" in told[0]
    with closing(SearchReader(url)) as reader:
        assert {row.reward for row in reader.ended()} == {0.1}


def test_four_in_a_row_are_no_sign_and_the_fifth_is_told_with_the_epoch_of_the_test(warnings):
    remarks = Remarks(Chance(0.1, 0.15, epoch=4), initial_q=0.5)
    for outcome in (*["chance"] * 4, "completed", *["chance"] * 4):
        remarks.finished(outcome)
    assert warnings() == []
    remarks.finished("chance")
    (told,) = warnings()
    assert told.startswith("5 networks in a row have learned nothing: after epoch 4,")


def test_rewards_below_the_initial_q_value_are_told_when_the_agent_begins_to_choose(
    new_database, open_search, formula_trainer, warnings
):
    schedule = EpsilonSchedule.parse("1.0:3,0.5:3")
    _, database = new_database(schedule=schedule, stopping="none", initial_q=0.999)
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(5)))
    (told,) = warnings()
    assert "less than the initial Q-value of every layer, 0.999" in told
    assert "--initial-q 0" in told


def test_while_layers_are_drawn_at_random_nothing_is_told_of_rewards(
    new_database, open_search, formula_trainer, warnings
):
    _, database = new_database(schedule=EpsilonSchedule.parse("1.0:3"), stopping="none", initial_q=0.999)
    open_search(database).run(SerialExecutor(formula_trainer(5)))
    assert warnings() == []


def test_nothing_is_told_of_rewards_that_reach_it_or_before_there_are_any(warnings):
    remarks = Remarks(Chance.published(10, 1.5), initial_q=0.5)
    remarks.choosing([])
    remarks.choosing([0.25, 0.75])  # 0.5 in the mean
    remarks.choosing([0.1])  # asked once: the agent goes on choosing
    assert warnings() == []


@pytest.mark.parametrize(
    ("ended", "repeats", "in_training", "over"),
    [
        (3, 1000, 0, "1000 walks in a row at epsilon 0.5 led to one of the 3 known networks: either"),
        (5, 1000, 0, "1000 walks in a row at epsilon 0 led to one of the 5 known networks: at epsilon 0"),
        (3, 999, 0, None),
        (3, 1000, 1, None),  # its result may change the walks
        (7, 1000, 0, None),  # the schedule is over, too
    ],
)
def test_a_search_is_over_early_after_1000_walks_that_found_nothing_while_nothing_trains(
    config, ended, repeats, in_training, over
):
    config = replace(config, schedule=EpsilonSchedule.parse("1.0:3,0.5:2,0:2"))
    reader = SimpleNamespace(repeats=lambda: repeats, networks=lambda *_, limit: ([], in_training))
    why = why_over(reader, config, ended)
    assert why is None if over is None else why.startswith(over)
