"""The search loop: what is stored, and that an interruption anywhere changes nothing."""

from collections import Counter
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SearchStopped, SerialExecutor
from metaqnn.search.loop import CONSECUTIVE_FAULTS
from metaqnn.search.randomness import Purpose, derived_seed, generator
from trainers import Outcome, TrainingResult

WRITES = ("propose", "repeat", "add_epoch", "finish", "forget_training")

BURN_IN = 6  # of `small_config`


class Killed(BaseException):
    """Stands for kill -9: nothing in the program may catch it."""


def kill_at(database, event, *, before):
    """Let the process die just before or just after its event-th write."""
    count = 0

    def wrap(write):
        def written(*args, **kwargs):
            nonlocal count
            count += 1
            if before and count == event:
                raise Killed
            result = write(*args, **kwargs)
            if count == event:
                raise Killed
            return result

        return written

    for name in WRITES:
        setattr(database, name, wrap(getattr(database, name)))
    return database


def outcome_of(url, search):
    """All that must be equal: networks, results, samples, epochs, decisions, Q-values."""
    reader = SearchReader(url)
    networks = [
        {key: value for key, value in reader.network(number).items() if key not in TIMES}
        for number in range(1, search.trained + 1)
    ]
    return networks, search.known.agent.q_table()


TIMES = ("id", "proposed_at", "finished_at")


@pytest.fixture
def undisturbed(new_database, open_search, formula_trainer):
    url, database = new_database("undisturbed")
    search = open_search(database)
    trainer = formula_trainer(search.config.epochs)
    writes = kill_at(database, -1, before=False)
    search.run(SerialExecutor(trainer))
    assert writes is database
    return outcome_of(url, search)


def test_the_whole_schedule_is_trained_once(undisturbed, config):
    networks, _ = undisturbed
    assert len(networks) == config.schedule.total == len({n["architecture"] for n in networks})
    assert [n["epsilon"] for n in networks] == [1.0] * 12 + [0.5] * 6 + [0.1] * 6


def test_stopped_networks_are_rewarded_with_the_prediction(undisturbed, config):
    stopped = [n for n in undisturbed[0] if n["outcome"] == "stopped"]
    assert stopped
    for network in stopped:
        last = network["trainings"][-1]["epochs"][-1]
        assert last["stop"]
        assert last["probability"] >= 0.8
        assert network["final_accuracy"] is None
        assert network["epochs"] < config.epochs
        assert network["reward"] == min(max(network["predicted_accuracy"], 0), 1)


def test_completed_networks_are_rewarded_with_their_final_accuracy(undisturbed, config):
    completed = [n for n in undisturbed[0] if n["outcome"] == "completed"]
    assert len(completed) >= BURN_IN
    for network in completed:
        epochs = network["trainings"][-1]["epochs"]
        assert network["reward"] == network["final_accuracy"] == epochs[-1]["accuracy"]
        assert network["predicted_accuracy"] is None
        assert [e["epoch"] for e in epochs] == list(range(1, config.epochs + 1))


def test_nothing_is_stopped_during_the_burn_in(undisturbed, config):
    first = sorted(undisturbed[0], key=lambda n: n["finished_position"])[:BURN_IN]
    assert all(n["outcome"] == "completed" for n in first)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_killed_again_and_again_at_random_writes_ends_the_same(
    new_database, open_search, formula_trainer, undisturbed, before
):
    url, database = new_database("killed")
    rng = np.random.default_rng(before)
    kills = 0
    while True:
        database = kill_at(database, rng.integers(1, 15), before=before)
        try:
            search = open_search(database)
            search.run(SerialExecutor(formula_trainer(search.config.epochs)))
            break
        except Killed:
            kills += 1
            database.close()
            database = ReplayDatabase.open(url)
    assert kills > 10
    assert outcome_of(url, search) == undisturbed


@pytest.fixture
def audited(new_database, open_search, formula_trainer, undisturbed):
    """The same search with half of the stops audited, killed on the way, and its networks."""
    url, database = new_database("audited", audit=0.5)
    with pytest.raises(Killed):
        open_search(kill_at(database, 60, before=False)).run(SerialExecutor(formula_trainer(5)))
    database.close()
    database = ReplayDatabase.open(url)
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(5)))
    return outcome_of(url, search)


def test_an_audited_network_goes_on_to_the_end_in_spite_of_one_decision(audited, config):
    stops = [[e["stop"] for t in n["trainings"] for e in t["epochs"]].count(True) for n in audited[0]]
    audits = [n for n, count in zip(audited[0], stops, strict=True) if count and n["outcome"] == "completed"]
    assert set(stops) == {0, 1}
    assert 0 < len(audits) < sum(stops)
    for network in audits:
        epochs = network["trainings"][-1]["epochs"]
        asked = [e["stop"] for e in epochs]
        assert set(asked[asked.index(True) + 1 :]) == {None}  # and the rule is not asked again
        assert network["reward"] == network["final_accuracy"] == epochs[-1]["accuracy"]
        assert network["predicted_accuracy"] is None
        assert network["epochs"] == config.epochs


def test_audits_are_chosen_by_the_networks_number_alone(new_database, open_search, audited, formula_trainer):
    url, database = new_database("again", audit=0.5)
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(5)))
    assert outcome_of(url, search) == audited  # which was killed on the way


@pytest.mark.parametrize("seed", [3, 4])
def test_seed_and_number_decide_what_a_network_is_trained_with_and_whether_it_is_audited(
    new_database, open_search, seed
):
    search = open_search(new_database(seed=seed, audit=0.5)[1])
    jobs, numbers = [], range(1, 9)
    search._monitor = lambda job, stored: jobs.append(job)
    seeds = [search.next_task().seed for _ in numbers]
    assert seeds == [derived_seed(seed, Purpose.TRAINING, number) for number in numbers]
    draws = [generator(seed, Purpose.AUDIT_IN_LOOP, number).random() for number in numbers]
    assert [search._audited(job) for job in jobs] == [draw < 0.5 for draw in draws]


def test_all_stops_can_be_audited(new_database, open_search, formula_trainer):
    url, database = new_database(audit=1.0)
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(search.config.epochs)))
    networks, _ = outcome_of(url, search)
    assert all(n["outcome"] == "completed" for n in networks)
    audits = SearchReader(url).audits()
    assert len(audits) > 3
    for row in audits:
        epochs = networks[row["number"] - 1]["trainings"][-1]["epochs"]
        assert epochs[row["epochs"] - 1]["stop"]
        assert row["predicted_accuracy"] == epochs[row["epochs"] - 1]["predicted_accuracy"]
        assert row["final_accuracy"] == epochs[-1]["accuracy"]


def test_a_crash_of_the_trainer_is_a_recorded_outcome(new_database, open_search, formula_trainer):
    url, database = new_database()
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(search.config.epochs, crash={2}, oom={3})))
    networks, _ = outcome_of(url, search)
    assert networks[1]["outcome"] == "crashed"
    assert "caught fire" in networks[1]["message"]
    assert networks[2]["outcome"] == "out_of_memory"
    assert networks[1]["reward"] == networks[2]["reward"] == 1 / 10
    assert len(networks) == search.config.schedule.total


def test_the_rule_sees_completed_and_stopped_networks_and_no_failures_as_after_a_resume(
    new_database, open_search, formula_trainer
):
    _, database = new_database()
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(5, crash={2}, oom={3})))
    outcomes = Counter(row.outcome for row in database.stored_networks())
    seen, resumed = (one.known.history.curves for one in (search, open_search(database)))
    assert len(seen) == outcomes["completed"] + outcomes["stopped"] == 22
    assert outcomes["stopped"] > 0
    np.testing.assert_array_equal(seen.values, resumed.values)


@pytest.mark.parametrize("wrong", [{"accuracy": nan}, {"accuracy": 54.3}, {"learning_rate": nan}])
def test_an_epoch_that_cannot_be_is_a_crash_of_its_network(new_database, open_search, formula_trainer, wrong):
    class Mistaken(formula_trainer):
        def train(self, architecture, *, seed, on_epoch, checkpoint=None):
            def report(epoch):
                second = len(self.trained) == 2
                return on_epoch(replace(epoch, **wrong) if second and epoch.epoch == 3 else epoch)

            return super().train(architecture, seed=seed, on_epoch=report)

    url, database = new_database()
    search = open_search(database)
    search.run(SerialExecutor(Mistaken(search.config.epochs)))
    networks, _ = outcome_of(url, search)
    assert [network["outcome"] for network in networks].count("crashed") == 1
    assert (networks[1]["outcome"], networks[1]["epochs"]) == ("crashed", 2)
    assert "of epoch 3 is" in networks[1]["message"].splitlines()[-1]


@pytest.mark.parametrize("message", ["", " \n"])
def test_many_faults_without_a_word_stop_the_search_with_their_kind(new_database, open_search, message):
    class Silent:
        def train(self, architecture, *, seed, on_epoch, checkpoint):
            return TrainingResult(Outcome.OUT_OF_MEMORY, (), 1e-3, 1, 0.1, message)

    search = open_search(new_database()[1])
    with pytest.raises(SearchStopped, match=r"10 networks in a row failed, .* with: out_of_memory$"):
        search.run(SerialExecutor(Silent()))


def test_many_faults_in_a_row_stop_the_search_with_the_reason(new_database, open_search, formula_trainer):
    _, database = new_database()
    search = open_search(database)
    with pytest.raises(SearchStopped, match=r"10 networks in a row failed.*caught fire"):
        search.run(SerialExecutor(formula_trainer(search.config.epochs, crash=range(1, 100))))
    assert search.trained == CONSECUTIVE_FAULTS


def test_trainings_that_take_too_long_are_faults_too(new_database, open_search):
    search = open_search(new_database()[1])
    for _ in range(CONSECUTIVE_FAULTS - 1):
        search.on_failure(search.next_task(), "timed_out", "")
    with pytest.raises(SearchStopped, match=r"10 networks in a row failed, .* with: timed_out$"):
        search.on_failure(search.next_task(), "timed_out", "")


def test_faults_between_sound_networks_stop_nothing_however_many(new_database, open_search, formula_trainer):
    _, database = new_database(stopping="none")
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(5, crash=range(1, 25, 2))))
    assert search.trained == search.config.schedule.total == 24


def test_an_error_of_the_stopping_rule_is_not_taken_for_the_networks_fault(
    new_database, open_search, formula_trainer
):
    _, database = new_database()
    search = open_search(database)

    def decide(curve, history):
        raise ZeroDivisionError("a bug in the rule")

    search._rule.decide = decide
    with pytest.raises(ZeroDivisionError):
        search.run(SerialExecutor(formula_trainer(search.config.epochs)))
    assert search.trained == 0
