"""What a search remarks while it runs."""

import logging
from contextlib import closing

import pytest

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SerialExecutor
from metaqnn.search.remarks import Remarks
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


def test_nothing_is_told_of_rewards_above_it_or_before_there_are_any(warnings):
    remarks = Remarks(Chance.published(10, 1.5), initial_q=0.5)
    remarks.choosing([])
    remarks.choosing([0.4, 0.7])
    remarks.choosing([0.1])  # asked once: the agent goes on choosing
    assert warnings() == []
