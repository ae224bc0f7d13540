"""top, show, report and audit on a finished search: what they print in each format."""

import csv
import io
import json
import re
import sqlite3
from contextlib import closing

import pytest
from scipy.stats import binomtest

from metaqnn.cli import main


@pytest.fixture
def stopped(reader):
    """A network that was stopped and audited."""
    return next(row for row in reader.ended() if row.outcome == "stopped")


def csv_rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_top_as_json(printed, finished_run, reader):
    found = json.loads(printed("top", finished_run.path, "-k", 3, "--format", "json"))
    added = {"place", "rank", "final_accuracy_low", "final_accuracy_high", "note"}
    assert [row["place"] for row in found] == [1, 2, 3]
    for row, network in zip(found, reader.top(3), strict=True):
        assert {"final_accuracy", "predicted_accuracy", "architecture", "parameters", "macs"} <= set(row)
        assert {key: value for key, value in row.items() if key not in added}.items() <= network.items()


def test_top_as_csv_holds_the_same(printed, finished_run):
    as_json = json.loads(printed("top", finished_run.path, "--format", "json"))
    as_csv = csv_rows(printed("top", finished_run.path, "--format", "csv"))
    assert len(as_csv) > 3
    assert as_csv == [{k: "" if v is None else str(v) for k, v in row.items()} for row in as_json]


def test_top_as_a_table_marks_predictions(printed, finished_run, reader):
    best = reader.top(1)[0]
    lines = printed("top", finished_run.path, "-k", 4).split("\n\n")[0].splitlines()
    assert len(lines) == 2 + 4
    assert f"{100 * best['final_accuracy']:.2f}%" in lines[2]
    assert best["architecture"] in lines[2]
    assert "~" not in "".join(lines)
    with_stopped = printed("top", finished_run.path, "--stopped", "-k", 1000).split("\n\n")[0].splitlines()
    expected = sum(row.outcome in ("completed", "stopped") for row in reader.ended())
    assert len(with_stopped) == 2 + expected
    assert sum("~" in line for line in with_stopped) == sum(
        row.outcome == "stopped" for row in reader.ended()
    )


def test_top_of_a_search_without_results(printed, run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET outcome = NULL")
    assert "no network has been trained to the end yet" in printed("top", run_copy.path)
    assert json.loads(printed("top", run_copy.path, "--format", "json")) == []


def test_show_as_json(printed, finished_run, reader, stopped):
    found = json.loads(printed("show", finished_run.path, stopped.number, "--format", "json"))
    network = reader.network(stopped.number)
    assert found.items() >= {k: v for k, v in network.items() if k != "trainings"}.items()
    for training, stored in zip(found["trainings"], network["trainings"], strict=True):
        for epoch, known in zip(training["epochs"], stored["epochs"], strict=True):
            by = None if known["predicted_accuracy"] is None else "the rule published"
            assert epoch == {**known, "forecast_by": by}


def test_show_as_json_tells_the_number_of_a_network_and_no_other(printed, finished_run, stopped):
    """On a server that holds several searches, the database's id of a network is another number."""
    found = json.loads(printed("show", finished_run.path, stopped.number, "--format", "json"))
    assert found["number"] == stopped.number
    epochs = [epoch for training in found["trainings"] for epoch in training["epochs"]]
    for row in (found, *found["trainings"], *epochs):
        assert not {"id", "search_id", "network_id", "training_id"} & {*row}


def test_show_as_csv_has_one_row_per_epoch(printed, finished_run, reader, stopped):
    rows = csv_rows(printed("show", finished_run.path, stopped.number, "--format", "csv"))
    trainings = reader.network(stopped.number)["trainings"]
    assert [float(row["accuracy"]) for row in rows] == [e["accuracy"] for t in trainings for e in t["epochs"]]


def test_show_as_a_table_tells_observed_from_predicted(printed, finished_run, stopped):
    text = printed("show", finished_run.path, stopped.number)
    assert stopped.architecture in text
    facts = dict(line.split("  ", 1) for line in text.split("\n\n")[0].splitlines())
    facts = {key: value.strip() for key, value in facts.items()}
    assert facts["final accuracy"] == "-"
    predicted = f"~{100 * stopped.predicted_accuracy:.2f}%"
    assert facts["predicted accuracy"] == f"{predicted}, by the rule published"
    assert facts["reward"] == predicted.removeprefix("~")
    assert facts["outcome"] == "stopped"
    assert "stop: p(y_T no better than" in text
    assert "forecast: of the final accuracy, by the rule published" in text
    assert "p(no better): probability, by the rule published, that the final accuracy" in text


def test_show_calls_a_network_in_training_only_while_a_process_works_on_it(printed, run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        unknown = "outcome = NULL, reward = NULL, final_accuracy = NULL, predicted_accuracy = NULL"
        connection.execute(f"UPDATE networks SET {unknown}, finished_position = NULL WHERE number = 24")
    assert re.search(r"\noutcome +interrupted\n", printed("show", run_copy.path, 24))
    with run_copy.lock():
        assert re.search(r"\noutcome +in training\n", printed("show", run_copy.path, 24))


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ("tolerance=0", "the best so far"),
        ("nth_best=2", "the 2nd best so far"),
        ("tolerance=0.1,nth_best=3", "the 3rd best so far less the tolerance"),
    ],
)
def test_show_says_what_the_probability_compares_with(printed, run_copy, stopped, settings, limit):
    """As the decisions do: `no better than 0.4333, the 2nd best less the tolerance`."""
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        changed = "UPDATE searches SET config = json_set(config, '$.stopping', ?)"
        connection.execute(changed, (f"published:{settings}",))
    text = printed("show", run_copy.path, stopped.number)
    assert f"by the rule published, that the final accuracy is no better than {limit}\n" in text


def test_top_and_show_tell_how_exact_an_accuracy_is(printed, finished_run, reader):
    """By SciPy's interval on the 100 validation images, which makes neighbours equal."""
    best = reader.top(1)[0]
    y = best["final_accuracy"]
    found = json.loads(printed("top", finished_run.path, "-k", 1000, "--format", "json"))
    low, high = found[0]["final_accuracy_low"], found[0]["final_accuracy_high"]
    exact = binomtest(round(100 * y), 100).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.01)
    first = [row for row in found if row["rank"] == 1]
    assert [row["place"] for row in first] == list(range(1, len(first) + 1))
    assert min(row["final_accuracy"] for row in first) >= low > found[len(first)]["final_accuracy"]
    assert found[len(first)]["rank"] == len(first) + 1
    interval = f"{100 * low:.1f} to {100 * high:.1f}%"
    text = printed("top", finished_run.path)
    assert interval in text.splitlines()[2]
    assert "validation accuracy on 100 images, which cannot tell networks of equal rank apart" in text
    shown = printed("show", finished_run.path, best["number"])
    assert f"{100 * y:.2f}% ({interval} by 100 validation images)" in shown
    assert f"best validation accuracy {100 * y:.2f}% ({interval} by 100 images)" in printed(
        "report", finished_run.path, "--no-figures"
    )


def test_columns_without_anything_in_them_are_left_out(printed, run_copy, reader):
    best = reader.top(1)[0]["number"]
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("DELETE FROM decisions")
    text = printed("show", run_copy.path, best)
    assert text.split("\n\n")[1].splitlines()[0].split() == ["training", "epoch", "accuracy", "loss"]
    assert "forecast" not in text.split("\n\n")[1]
    assert len(text.split("\n\n")) == 2


def test_show_and_its_help_tell_how_often_the_agent_has_proposed_the_network(printed, finished_run, capsys):
    with closing(sqlite3.connect(finished_run.database)) as connection:
        proposed = dict(connection.execute("SELECT network_id, count(*) FROM samples GROUP BY network_id"))
    often = max(proposed, key=proposed.__getitem__)
    assert f"\nsamples in the memory  {proposed[often]}\n" in printed("show", finished_run.path, often)
    with pytest.raises(SystemExit):
        main(["show", "--help"])
    said = '"samples in the memory" is how often the agent has proposed the network.'
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("outcome", ["completed", "diverged"])
def test_show_tells_an_audit_in_the_loop(printed, run_copy, stopped, outcome):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        changed = "UPDATE networks SET outcome = ?, epochs = epochs + 1 WHERE number = ?"
        connection.execute(changed, (outcome, stopped.number))
    text = printed("show", run_copy.path, stopped.number)
    assert f"{outcome}, as an audit: the rule would have stopped it after epoch {stopped.epochs}" in text


def test_show_tells_why_a_network_crashed(printed, finished_run):
    text = printed("show", finished_run.path, 2)
    assert "crashed" in text
    assert "the device caught fire" in text


@pytest.mark.parametrize("command", ["top", "show"])
def test_what_a_run_folder_says_is_shown_and_not_obeyed(printed, run_copy, reader, command):
    """Folders come from others, too."""
    best = reader.top(1)[0]["number"]
    title = "\x1b]0;pwned\x07"
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute(
            "UPDATE networks SET architecture = ?1, message = ?1 WHERE number = ?2", (title, best)
        )
        connection.execute("UPDATE decisions SET reason = ?", (title,))
    asked = [run_copy.path] if command == "top" else [run_copy.path, best]
    text = printed(command, *asked)
    assert r"\x1b]0;pwned\x07" in text
    assert text.replace("\n", "").isprintable()
    assert title.encode("unicode_escape").decode().replace("\\x", "\\u00") in printed(
        command, *asked, "--format", "json"
    )


def test_reading_writes_nothing(printed, run_copy, stopped):
    def content():
        return {name: (run_copy.path / name).read_bytes() for name in ("search.db", "search.db-wal")}

    run_copy.path.joinpath("search.db-wal").touch()
    before = content()
    printed("top", run_copy.path)
    printed("show", run_copy.path, stopped.number)
    printed("report", run_copy.path, "--no-figures")
    assert content() == before


def test_an_unknown_network_is_answered_with_those_that_there_are(capsys, finished_run):
    assert main(["show", str(finished_run.path), "99"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "metaqnn: error: there is no network 99; this search has 1 to 24\n"
    assert captured.out == ""


@pytest.mark.parametrize("command", [["top"], ["show", "1"], ["report"], ["audit"], ["run", "--resume"]])
def test_a_missing_run_folder_is_named(capsys, tmp_path, command):
    name, *rest = command
    path = str(tmp_path / "nowhere")
    arguments = [name, *rest, path] if name == "run" else [name, path, *rest]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"metaqnn: error: there is no folder '{path}'"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["top"], ["show", "1"], ["report"], ["audit"], ["run", "--resume"]])
def test_a_damaged_database_is_named(capsys, tmp_path, command):
    name, *rest = command
    (tmp_path / "search.db").write_bytes(b"garbage " * 1000)
    arguments = [name, *rest, str(tmp_path)] if name == "run" else [name, str(tmp_path), *rest]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "search.db is not a MetaQNN replay database" in line
    assert (tmp_path / "search.db").read_bytes() == b"garbage " * 1000


@pytest.mark.parametrize("share", ["0", "1.5", "-1", "nan"])
def test_a_share_outside_0_to_1_is_quoted(capsys, finished_run, share):
    with pytest.raises(SystemExit) as exit_:
        main(["audit", str(finished_run.path), "--share", share])
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"argument --share: '{share}' is not a number above 0 and at most 1" in line
