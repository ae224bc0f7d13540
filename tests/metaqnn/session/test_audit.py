"""An audit trains the stopped networks again, and nothing of the search changes."""

from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SerialExecutor
from metaqnn.results.audits import summarise_audits
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.session.audit import AUDIT, Audit
from trainers import EpochReport, Outcome, TrainingResult


class Stored:
    """Stands for a database with these networks."""

    def __init__(self, rows):
        self._rows = rows

    def stored_networks(self):
        return self._rows

    def trained_to_end(self, purpose):
        return set()

    def forget_training(self, network_id, purpose):
        pass


@pytest.fixture
def searched(new_database, open_search, formula_trainer):
    """A finished search without an audit."""
    url, database = new_database()
    open_search(database).run(SerialExecutor(formula_trainer(database.record().config.epochs)))
    return url, database


def audit(database, trainer, share):
    return Audit(database, trainer, database.record().config.seed, share)


def stopped_networks(count):
    """As in a database shared with another search, whose networks came first: ids are not numbers."""
    return [
        SimpleNamespace(id=70 + number, number=number, outcome="stopped", architecture="[SM(10)]")
        for number in range(1, count + 1)
    ]


def ids(rows):
    return [row.id for row in rows]


def test_a_larger_share_contains_a_smaller(searched, formula_trainer):
    _, database = searched
    stopped = [row.id for row in database.stored_networks() if row.outcome == "stopped"]
    assert len(stopped) > 3
    shares = [ids(audit(database, formula_trainer(5), share).chosen()) for share in (0.01, 0.5, 1.0)]
    assert [len(chosen) for chosen in shares] == [1, -(-len(stopped) // 2), len(stopped)]
    assert shares[0] == shares[1][:1]
    assert shares[1] == shares[2][: len(shares[1])]
    assert set(shares[2]) == set(stopped)


def test_what_is_chosen_hardly_changes_when_more_networks_have_been_stopped():
    rows = stopped_networks(1010)

    def chosen(count, share):
        return {row.number for row in Audit(Stored(rows[:count]), None, 3, share).chosen()}

    assert len(chosen(1000, 0.1) | chosen(1010, 0.1)) <= 105
    assert len(chosen(100, 0.07)) == 7


def test_every_chosen_network_is_trained_to_the_end_once(searched, formula_trainer, config):
    url, database = searched
    trainer, heard = formula_trainer(config.epochs), []
    for _ in range(2):
        audit(database, trainer, 1.0).run(lambda architecture, report: heard.append(architecture))
    chosen = audit(database, trainer, 1.0).chosen()
    assert sorted(trainer.trained) == sorted(row.architecture for row in chosen)
    assert database.trained_to_end(AUDIT) == set(ids(chosen))
    assert len(SearchReader(url).audits()) == len(chosen)
    assert set(heard) == set(trainer.trained)


def test_the_epochs_of_an_audit_are_those_of_all_its_attempts(searched, config):
    url, database = searched
    first, second, third = ids(audit(database, None, 1.0).chosen())[:3]
    attempts = [(first, 1, 1), (first, 2, config.epochs), (second, 1, config.epochs), (third, 1, 2)]
    for network_id, attempt, epochs in attempts:
        for epoch in range(1, epochs + 1):
            database.add_epoch(network_id, EpochReport(attempt, 1e-3, epoch, 0.5, 1.0, 0.1), purpose=AUDIT)
    summary = summarise_audits(SearchReader(url))
    assert (summary.networks, summary.epochs_afterwards) == (2, 1 + 2 * config.epochs)  # not yet the third


class Diverging:
    """Its training loss is NaN in the second epoch, which ends the training."""

    def __init__(self):
        self.trained = []

    def train(self, architecture, *, seed, on_epoch, checkpoint=None):
        self.trained.append(str(architecture))
        on_epoch(EpochReport(1, 1e-3, 1, 0.6, 1.0, 0.1))
        on_epoch(EpochReport(1, 1e-3, 2, 0.9, np.nan, 0.1))
        return TrainingResult(Outcome.DIVERGED, (0.6, 0.9), 1e-3, 1, 0.2, "diverged")


def test_an_audit_whose_training_diverges_is_trained_once_and_counts_as_a_right_stop(searched):
    url, database = searched
    trainer = Diverging()
    for _ in range(2):
        audit(database, trainer, 1.0).run(lambda *_: None)
    chosen = audit(database, trainer, 1.0).chosen()
    assert sorted(trainer.trained) == sorted(row.architecture for row in chosen)
    assert audit(database, trainer, 1.0).waiting() == []
    with closing(SearchReader(url)) as reader:
        audits, summary = reader.audits(), summarise_audits(reader)
    assert [row["final_accuracy"] for row in audits] == [None] * len(chosen)
    assert (summary.networks, summary.better_than_best) == (len(chosen), 0)
    assert (summary.mean_absolute_error, summary.bias, summary.largest_error) == (None, None, None)
    assert summary.epochs_afterwards == 2 * len(chosen)


def test_a_network_that_fails_in_an_audit_is_named_with_the_reason(searched, formula_trainer, config):
    _, database = searched
    trainer = formula_trainer(config.epochs, oom={2})
    second = audit(database, None, 1.0).chosen()[1]
    assert audit(database, trainer, 1.0).run(lambda *_: None) == {second.number: "out of memory"}
    assert ids(audit(database, None, 1.0).waiting()) == [second.id]


def test_a_first_epoch_without_a_finite_loss_is_a_new_try_and_no_end(searched):
    url, database = searched
    row = audit(database, None, 1.0).chosen()[0]
    database.add_epoch(row.id, EpochReport(1, 1e-3, 1, 0.1, np.nan, 0.1), purpose=AUDIT)
    assert row.id in ids(audit(database, None, 1.0).waiting())
    with closing(SearchReader(url)) as reader:
        assert reader.audits() == []


def test_the_search_stays_as_it_was(searched, formula_trainer, open_search, config):
    _, database = searched
    before = database.stored_networks(), database.stored_samples(), database.curves()
    q_values = open_search(database).known.agent.q_table()
    audit(database, formula_trainer(config.epochs), 1.0).run(lambda *_: None)
    assert (database.stored_networks(), database.stored_samples(), database.curves()) == before
    assert open_search(database).known.agent.q_table() == q_values


def test_an_interrupted_audit_ends_as_an_undisturbed_one(searched, formula_trainer, config):
    url, database = searched
    heard = 0

    def interrupt(*_):
        nonlocal heard
        heard += 1
        if heard == config.epochs + 2:  # in the second network
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(database, formula_trainer(config.epochs), 1.0).run(interrupt)
    trainer = formula_trainer(config.epochs)
    resumed = audit(ReplayDatabase.open(url), trainer, 1.0)
    assert ids(resumed.waiting()) == ids(resumed.chosen())[1:]
    resumed.run(lambda *_: None)
    assert resumed.waiting() == []
    audits = SearchReader(url).audits()
    assert len(trainer.trained) == len(audits) - 1
    for row in audits:
        (training,) = [
            t for t in SearchReader(url).network(row["number"])["trainings"] if t["purpose"] == AUDIT
        ][-1:]
        assert len(training["epochs"]) == config.epochs
        assert np.isfinite(row["final_accuracy"])


class Seeds(list):
    """Trains nothing and keeps the seeds that it is given."""

    def train(self, architecture, *, seed, on_epoch, checkpoint):
        self.append(seed)
        return TrainingResult(Outcome.COMPLETED, (), 1e-3, 1, 0.0, "completed")


def test_an_audit_trains_with_the_random_numbers_of_the_search():
    seeds = Seeds()
    whole = Audit(Stored(stopped_networks(10)), seeds, 5, 1.0)
    whole.run(lambda *_: None)
    assert seeds == [derived_seed(5, Purpose.TRAINING, row.number) for row in whole.chosen()]


def test_searches_with_other_seeds_audit_other_networks():
    database = Stored(stopped_networks(10))
    chosen = {tuple(ids(Audit(database, None, seed, 0.3).chosen())) for seed in range(5)}
    assert len(chosen) > 1
