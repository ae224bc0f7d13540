"""The answers at the top of the pages, against the tables."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SearchStopped, SerialExecutor
from metaqnn.report.answer import Answer, answer, found, stopping
from metaqnn.report.page import state
from metaqnn.results.audits import AuditSummary
from metaqnn.results.view import SearchView

NO_AUDIT = AuditSummary(40, 0, 0, 0, None, None, None, None, 0, 0)


def of_audit(rule="rank-envelope", **changes):
    config = SimpleNamespace(stopping=rule)
    return stopping(SimpleNamespace(config=config, audit_summary=replace(NO_AUDIT, **changes)))


def commands(view, *, running=False, finetuned=False):
    steps = answer(view, Path("runs/a b"), running=running, finetuned=finetuned).steps
    return [step.command for step in steps]


def test_the_best_network_is_named_with_the_interval_of_its_accuracy(view, sql):
    ((number, accuracy),) = sql(
        "SELECT number, final_accuracy FROM networks ORDER BY final_accuracy DESC, parameters LIMIT 1"
    )
    said = found(view)
    assert said.startswith(
        f"Network {number} is the best: it reaches a validation accuracy of {100 * accuracy:.2f}% with"
    )
    n, p, z = 100, accuracy, 1.959964
    centre, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5  # Wilson
    low, high = ((centre + side * half) / (1 + z * z / n) for side in (-1, 1))
    assert f"between {100 * low:.2f}% and {100 * high:.2f}% with 95% confidence" in said
    ((others,),) = sql("SELECT count(*) - 1 FROM networks WHERE final_accuracy >= ?", low)
    words = {0: "no other network is", 1: "1 other network is"}.get(others, f"{others} others are")
    assert f"; {words} in that range)" in said


def test_before_the_first_full_training_nothing_was_found(searched):
    assert answer(searched(None), Path("run"), running=False, finetuned=False) == Answer(
        "No network has been trained to the end yet.",
        "The stopping rule has stopped no network.",
        answer(searched(None), Path("run"), running=False, finetuned=False).steps,
    )


def test_where_all_networks_have_failed_none_is_still_to_be_found(run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET outcome = 'crashed', final_accuracy = NULL")
    with closing(run_copy.reader()) as reader:
        assert found(SearchView(reader)) == "No network has been trained to the end."


@pytest.mark.parametrize(("wrong", "checked", "limit"), [(0, 2, "78%"), (0, 59, "5%"), (3, 3, "100%")])
def test_audits_say_how_many_stops_may_have_been_wrong(wrong, checked, limit):
    said = of_audit(stops=400, networks=checked, better_than_best=wrong)
    assert f"Of 400 stops, {checked} were checked by training to the end: {wrong or 'none'} would" in said
    assert f"With 95% confidence, at most {limit} of all stops were wrong" in said
    assert ("more checks would narrow that down" in said) == (limit != "5%")
    if not wrong:  # (1 - p)^n = 0.05
        assert f"{1 - 0.05 ** (1 / checked):.0%}" == limit


def test_the_limit_of_wrong_stops_is_rounded_up():
    assert "at most 1% of all stops were wrong" in of_audit(stops=5000, networks=1000)  # 0.3%
    assert "at most 24% of all stops were wrong" in of_audit(stops=5000, networks=11)  # 23.8%
    assert "at most 7% of all stops were wrong" in of_audit(stops=100, networks=99, better_than_best=6)


def test_no_more_stops_may_have_been_wrong_than_were_not_checked_or_found_wrong():
    assert "at most 40% of all stops were wrong" in of_audit(stops=5, networks=3)
    assert "at most 60% of all stops were wrong" in of_audit(stops=5, networks=3, better_than_best=1)


@pytest.mark.parametrize(
    ("stops", "wrong", "said"),
    [
        (8, 0, "All 8 stops were checked by training to the end: none would have beaten"),
        (8, 2, "All 8 stops were checked by training to the end: 2 would have beaten"),
        (1, 0, "The only stop was checked by training to the end: it would not have beaten"),
        (1, 1, "The only stop was checked by training to the end: it would have beaten"),
    ],
)
def test_where_every_stop_was_checked_no_check_is_missing(stops, wrong, said):
    whole = of_audit(stops=stops, networks=stops, better_than_best=wrong)
    assert whole == f"{said} the best network of that time."


def test_without_an_audit_the_answer_is_not_known():
    assert of_audit() == "Not known: none of the 40 stops has been checked by training to the end."
    assert of_audit(stops=1) == "Not known: the only stop has not been checked by training to the end."


def test_without_early_stopping_there_is_nothing_to_be_wrong():
    assert of_audit("none") == "Early stopping was off: every network is trained to the end."
    assert of_audit(stops=0) == "The stopping rule has stopped no network."


def test_the_next_steps_follow_the_state_of_the_search(view, searched):
    assert commands(view) == [
        "metaqnn finetune 'runs/a b' --top 5",
        "metaqnn export 'runs/a b' --to 'runs/a b/best'",
    ]
    assert commands(view, finetuned=True) == ["metaqnn export 'runs/a b' --finetuned --to 'runs/a b/best'"]
    assert commands(view, running=True) == ["metaqnn dashboard 'runs/a b'"]
    assert commands(searched(None)) == ["metaqnn run --resume 'runs/a b'"]


def test_a_search_whose_walks_find_nothing_new_is_not_gone_on_with(
    new_database, open_search, formula_trainer, monkeypatch
):
    monkeypatch.setattr("metaqnn.search.remarks.CONSECUTIVE_REPEATS", 25)
    url, database = new_database(schedule=EpsilonSchedule.parse("1.0:6,0:300"), stopping="none")
    with closing(database), pytest.raises(SearchStopped) as reason:
        open_search(database).run(SerialExecutor(formula_trainer(5)))
    with closing(SearchReader(url)) as reader:
        said = answer(SearchView(reader), Path("run"), running=False, finetuned=False)
        how_far = state(SearchView(reader), None)
    assert said.found.endswith(f" The search is over: {reason.value}.")
    assert re.match(r"Finished ahead of schedule: \d+ of 306 networks have ended", how_far)
    assert not any("--resume" in step.command for step in said.steps)


def test_without_test_images_a_long_training_is_no_next_step(run_copy):
    images = json.dumps({"train": {"a": 3, "b": 3}, "test": {"a": 0, "b": 0}})
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE searches SET images = ?", (images,))
    with closing(run_copy.reader()) as reader:
        assert commands(SearchView(reader)) == ["metaqnn export 'runs/a b' --to 'runs/a b/best'"]


def test_without_weights_an_export_is_no_next_step(run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE searches SET circumstances = ?", (json.dumps({"keep_weights": 0}),))
    with closing(run_copy.reader()) as reader:
        assert commands(SearchView(reader)) == ["metaqnn finetune 'runs/a b' --top 5"]


def test_a_search_without_audits_is_told_to_make_some(searched, formula_trainer):
    assert commands(searched(formula_trainer(5)))[-1] == "metaqnn audit 'runs/a b'"
