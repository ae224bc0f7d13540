"""`metaqnn audit` of a tiny search on embedded images."""

import json
import sqlite3
from contextlib import closing

import pytest

from metaqnn.cli import main
from trainers.device import auto_precision

SEARCH = (
    *("--train-limit", "200", "--validation-size", "50", "--epochs", "2", "--layer-limit", "2"),
    *("--schedule", "1.0:3", "--device", "cpu", "--threads", "1", "--quiet"),
)


@pytest.fixture
def started(tmp_path):
    """A finished search."""
    folder = tmp_path / "run"
    assert main(["run", "--run-dir", str(folder), *SEARCH]) == 0
    return folder


STOP_THE_BEST = """
CREATE TEMP TABLE best AS SELECT networks.id, trainings.id AS training, final_accuracy FROM networks
    JOIN trainings ON network_id = networks.id AND trainings.attempt = networks.attempt
    ORDER BY final_accuracy DESC LIMIT 1;
UPDATE networks SET outcome = 'stopped', epochs = 1, final_accuracy = NULL, predicted_accuracy = 0.5
    WHERE id = (SELECT id FROM best);
DELETE FROM decisions;
INSERT INTO decisions SELECT training, 1, 1, 'hopeless', 0.5, 0.1, 0.99, 0.999 FROM best;
"""
"""As if the best network had been stopped after its first epoch."""


def test_what_was_stopped_can_be_audited(started, capsys):
    with closing(sqlite3.connect(started / "search.db")) as connection, connection:
        connection.executescript(STOP_THE_BEST)
        ((y_T,),) = connection.execute("SELECT final_accuracy FROM best")
    assert main(["audit", str(started), "--share", "1", "--quiet", "--format", "json"]) == 0
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)
    assert "audit" not in printed.err
    assert (row["epochs"], row["predicted_accuracy"], row["best_accuracy"]) == (1, 0.5, 0.999)
    assert row["final_accuracy"] == y_T  # it was trained to the end before, with the same random numbers
    assert main(["audit", str(started), "--share", "1"]) == 0
    captured = capsys.readouterr()
    assert "~50.00%" in captured.out
    assert "1 audit of 1 stop: none would have beaten the best" in captured.out


def test_a_network_that_could_not_be_audited_is_told(started, capsys, monkeypatch):
    monkeypatch.setattr("metaqnn.session.audit.Audit.run", lambda *_: {3: "out of memory"})
    assert main(["audit", str(started), "--quiet"]) == 0
    assert "network 3 could not be audited: out of memory\n" in capsys.readouterr().err


def test_an_audit_in_another_precision_than_this_machine_would_choose_says_so_if_it_trains(started, capsys):
    other = {"float32": "bfloat16", "bfloat16": "float32"}[auto_precision("cpu")]
    with closing(sqlite3.connect(started / "search.db")) as connection, connection:
        connection.executescript(STOP_THE_BEST)
        stored = "UPDATE searches SET circumstances = json_set(circumstances, '$.precision', ?)"
        connection.execute(stored, [other])
    for said in (True, False):
        assert main(["audit", str(started), "--share", "1", "--quiet"]) == 0
        assert (f"note: trained in {other}, as before; for this device " in capsys.readouterr().err) is said


@pytest.mark.parametrize("more", ["", " --device cpu --precision float32 --trust-module --format json"])
def test_an_interrupted_audit_says_how_to_go_on_with_as_many_networks(started, capsys, monkeypatch, more):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("metaqnn.session.audit.Audit.run", interrupted)
    assert main(["audit", str(started), "--share", "0.5", *more.split(), "--quiet"]) == 130
    said = f"resume with the same command: metaqnn audit {started} --share 0.5{more}\n"
    assert said in capsys.readouterr().err
