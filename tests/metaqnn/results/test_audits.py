"""Audits of hand-made searches, worked out by hand; audited networks are named where the best are."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from metaqnn.report.text import audit_line
from metaqnn.results.audits import audited_after, audited_note, summarise_audits


class Reader:
    """A search whose networks ended so, and its audits: of 5 epochs, and 2 of attempts that failed."""

    def __init__(self, config, *outcomes):
        self._config, self._outcomes = config, outcomes
        self.audited = []

    def audits(self):
        return self.audited

    def audit_epochs(self):
        return sum(5 + 2 for row in self.audited if not row["in_loop"])

    def config(self):
        return self._config

    def ended(self):
        return [SimpleNamespace(outcome=outcome) for outcome in self._outcomes]


def audited(predicted, final, best, epochs=2):
    return {
        "predicted_accuracy": predicted,
        "final_accuracy": final,
        "best_accuracy": best,
        "epochs": epochs,
        "epochs_in_search": 5,
        "in_loop": False,
    }


def test_audits_are_counted_and_their_errors_averaged(config):
    reader = Reader(config, "completed", *4 * ["stopped"])
    reader.audited = [audited(0.5, 0.6, 0.7), audited(0.5, 0.2, 0.7)]
    in_loop = [audited(None, 0.8, 0.7, epochs=3), audited(0.6, 0.7, None), audited(0.6, 0.6, 0.6)]
    in_loop[2]["epochs_in_search"] = 4
    reader.audited += [{**row, "in_loop": True} for row in in_loop]
    audit = summarise_audits(reader)
    assert (audit.stops, audit.networks, audit.in_loop, audit.better_than_best) == (4 + 3, 5, 3, 1)
    assert audit.mean_absolute_error == pytest.approx((0.1 + 0.3 + 0.1 + 0) / 4)
    assert audit.bias == pytest.approx((-0.1 + 0.3 - 0.1 + 0) / 4)
    assert audit.largest_error == pytest.approx(0.3)
    assert audit.epochs_in_loop == (5 - 3) + (5 - 2) + (4 - 2)
    assert audit.epochs_afterwards == 2 * 7
    assert audit.accepted_share == pytest.approx(0.2)  # delta is 0.8


def test_a_rule_without_delta_states_no_accepted_share(config):
    assert summarise_audits(Reader(replace(config, stopping="median"))).accepted_share is None


@pytest.mark.parametrize(
    ("settings", "wrong", "said"),
    [
        ("Delta=0.9", 1, "have beaten the best network"),
        ("Delta=0.9,nth_best=2", 1, "have beaten number 2 of the best networks"),
        ("Delta=0.9,nth_best=5", 1, "have beaten number 5 of the best networks"),
        ("Delta=0.9,tolerance=0.02", 2, "have come within 0.02 of the best network"),
        ("tolerance=0.02,nth_best=5", 2, "have come within 0.02 of number 5 of the best networks"),
    ],
)
def test_a_false_stop_is_what_the_probability_is_about(config, settings, wrong, said):
    reader = Reader(replace(config, stopping=f"published:{settings}"))
    reader.audited = [audited(0.5, 0.71, 0.7), audited(0.5, 0.69, 0.7), audited(0.5, 0.67, 0.7)]
    audit = summarise_audits(reader)
    assert audit.better_than_best == wrong
    assert f"3 audits of 0 stops: {wrong} would {said} at that time" in audit_line(audit)


def test_an_error_is_the_largest_whatever_its_sign(config):
    reader = Reader(config)
    reader.audited = [audited(0.2, 0.9, 0.7), audited(0.5, 0.4, 0.7)]
    assert summarise_audits(reader).largest_error == pytest.approx(0.7)


def test_without_an_audit_there_is_no_error(config):
    audit = summarise_audits(Reader(config))
    assert (audit.stops, audit.networks, audit.better_than_best) == (0, 0, 0)
    assert audit.mean_absolute_error is audit.bias is audit.largest_error is None


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
        f"{first} (99.50%); to finetune the best with them: metaqnn finetune runs/x --networks {second} "
        f"{first} {best[0]['number']}"
    )
    assert note(run_copy, 2).endswith(f"--networks {second} {first}")


def test_without_a_network_that_was_trained_to_the_end_nothing_is_compared(run_copy, stopped):
    ended(run_copy, {stopped[0]: 0.995})
    with closing(run_copy.reader()) as reader:
        assert audited_note(reader, [], Path("runs/x")) == ""


def test_what_the_search_itself_has_audited_stands_in_the_list_and_is_no_news():
    listed = [{"number": 3, "final_accuracy": 0.9}, {"number": 1, "final_accuracy": 0.8}]
    audits = [{"number": 3, "in_loop": True, "final_accuracy": 0.9}]
    assert audited_note(SimpleNamespace(audits=lambda: audits), listed, Path("runs/x")) == ""


def test_an_audited_network_that_equals_the_last_of_the_list_is_not_called_better():
    listed = [{"number": 1, "final_accuracy": 0.8}]
    audits = [{"number": 3, "in_loop": False, "final_accuracy": 0.8}]
    assert audited_note(SimpleNamespace(audits=lambda: audits), listed, Path("runs/x")) == ""


def test_of_many_audited_networks_five_are_named_and_the_command_takes_the_five_best():
    listed = [{"number": number, "final_accuracy": 0.9 - number / 100} for number in range(1, 9)]
    better = [{"number": 20 + k, "in_loop": False, "final_accuracy": 0.83 + k / 100} for k in range(7)]
    shown = audited_note(SimpleNamespace(audits=lambda: better), listed, Path("runs/x"))
    assert "26 (89.00%), 25 (88.00%), 24 (87.00%), 23 (86.00%), 22 (85.00%), 2 more; " in shown
    assert shown.endswith("--networks 1 26 2 25 3")
    one = audited_note(SimpleNamespace(audits=lambda: better[-1:]), listed, Path("runs/x"))
    assert one.endswith("--networks 1 26 2 3 4")


def trained(purpose, *stops):
    epochs = [{"epoch": epoch, "stop": stop} for epoch, stop in enumerate(stops, start=1)]
    return {"purpose": purpose, "epochs": epochs}


@pytest.mark.parametrize(
    ("outcome", "after"), [("completed", 2), ("diverged", 2), ("crashed", None), ("out of memory", None)]
)
def test_the_audit_in_the_search_began_in_the_last_attempt_unless_it_was_cut_short(outcome, after):
    trainings = [trained("search", None), trained("search", False, True, None), trained("audit", True)]
    assert audited_after({"outcome": outcome, "epochs": 3, "trainings": trainings}) == after
