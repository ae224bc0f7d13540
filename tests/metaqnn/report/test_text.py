"""The lines that the report prints."""

import re

from metaqnn.report.text import audit_line, headline
from metaqnn.results.audits import AuditSummary
from metaqnn.results.summary import Summary


def line_of(stops):
    return audit_line(AuditSummary(stops, 0, 0, 0, None, None, None, None, 0, 0))


def test_without_a_stop_nobody_is_told_to_audit_stops():
    assert line_of(0) == "no network was stopped: there is nothing to audit"
    assert line_of(1) == "no audit of 1 stop yet: `metaqnn audit RUN` trains some to the end"


def test_large_numbers_have_commas_everywhere():
    counts = {"networks": 2700, "planned": 2800, "completed": 1500, "stopped": 1190, "failed": 10}
    spent = {"epochs": 21600, "full_epochs": 54000, "seconds": 18000.0}
    best = {"best_accuracy": 0.9, "best_accuracy_low": None, "best_accuracy_high": None}
    about = {"validation_images": None, "metric": "accuracy", "guess": None, "guess_limit": None}
    said = headline(Summary(**counts, **spent, **best, **about, by_epsilon=[]))
    assert said.startswith("2,700 of 2,800 networks: 1,500 trained to the end, 1,190 stopped, 10 failed;")
    assert said.endswith("21,600 epochs trained, 32,400 saved by early stopping: 2.50x")
    audits = audit_line(AuditSummary(4000, 3000, 1200, 0, None, None, None, None, 12400, 20000))
    assert not re.search(r"\d{4}", f"{said}{audits}")


def test_one_image_is_no_images():
    counts = {"networks": 1, "planned": 1, "completed": 1, "stopped": 0, "failed": 0}
    spent = {"epochs": 1, "full_epochs": 1, "seconds": 1.0}
    best = {"best_accuracy": 1.0, "best_accuracy_low": 0.2, "best_accuracy_high": 1.0}
    about = {"validation_images": 1, "metric": "accuracy", "guess": None, "guess_limit": None}
    assert " by 1 image)" in headline(Summary(**counts, **spent, **best, **about, by_epsilon=[]))
