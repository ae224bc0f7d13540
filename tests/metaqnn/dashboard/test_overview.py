"""Several runs side by side, on the same images and on others, readable and not."""

import csv
import io
import shutil
import sqlite3
from contextlib import closing

import pytest
from psutil import Process

from metaqnn.cli import main


def change(folder, statement, *values):
    with closing(sqlite3.connect(folder.database)) as connection, connection:
        connection.execute(statement, values)


def test_runs_stand_side_by_side(client, finished_run, run_copy):
    found = client(finished_run, run_copy).get("/").text
    for address, name in (
        ("/runs/finished", "finished"),
        ("/runs/copy", "copy"),
        ("/?over=epochs", "epochs"),
    ):
        assert f'<a href="{address}">{name}</a>' in found
    assert found.count("24 of 24") == 2


def test_runs_on_other_images_have_a_chart_of_their_own(client, finished_run, run_copy):
    address = "/comparison.json?over=networks&amp;with="
    together = client(finished_run, run_copy).get("/").text
    assert (together.count(address), f"{address}finished" in together) == (1, True)
    change(run_copy, "UPDATE searches SET data_fingerprint = ?", "1" * 64)
    browser = client(finished_run, run_copy)  # a new one: the images of a known search are fixed
    apart = browser.get("/").text
    assert f"{address}finished" in apart
    assert f"{address}copy" in apart
    for run in ("finished", "copy"):
        spec = browser.get(f"/comparison.json?with={run}").json()["spec"]
        assert {row["run"] for rows in spec["datasets"].values() for row in rows} == {run}


def test_runs_of_another_metric_have_a_chart_of_their_own_and_axes_that_say_so(
    client, finished_run, run_copy
):
    change(run_copy, "UPDATE searches SET config = json_set(config, '$.metric', 'balanced-accuracy')")
    browser = client(finished_run, run_copy)
    overview = browser.get("/").text
    assert overview.count("/comparison.json?") == 2
    for metric in ("accuracy", "balanced accuracy"):
        assert overview.count(f"<h2>Best {metric} so far ") == 1
        assert overview.count(f"best observed final {metric} y_T") == 1
    for run, metric in (("finished", "accuracy"), ("copy", "balanced accuracy")):
        assert _y_titles(browser, f"/comparison.json?with={run}") == {f"best validation {metric} so far"}
        for path in ("figures/search.json", "figures/curves.json", "networks/8/chart.json"):
            assert _y_titles(browser, f"/runs/{run}/{path}") <= {f"validation {metric}", None}
        assert _y_titles(browser, f"/runs/{run}/curves.json?network=8") == {f"observed validation {metric}"}


def _y_titles(browser, address):
    layers = browser.get(address).json()["spec"]["layer"]
    return {layer["encoding"]["y"].get("title") for layer in layers if "y" in layer.get("encoding", {})}


def test_the_file_of_all_runs_has_their_numbers_or_their_trouble(client, finished_run, run_copy):
    browser = client(finished_run, run_copy)
    run_copy.database.write_bytes(b"garbage " * 1000)
    good, bad = csv.DictReader(io.StringIO(browser.get("/runs.csv").text))
    networks = csv.DictReader(io.StringIO(browser.get("/runs/finished/networks.csv").text))
    best = next(networks)  # the table begins with it
    assert (good["best_network"], good["best_accuracy"]) == (best["number"], best["final_accuracy"])
    assert (good["run"], good["state"], good["networks"], good["planned"]) == (
        "finished",
        "finished",
        "24",
        "24",
    )
    assert (bad["run"], bad["networks"]) == ("copy", "")
    assert bad["state"].startswith("run copy cannot be read: ")


def test_the_file_of_all_runs_calls_things_as_metaqnn_ls_does(client, finished_run, capsys):
    (row,) = csv.DictReader(io.StringIO(client(finished_run).get("/runs.csv").text))
    assert main(["ls", str(finished_run.path), "--format", "csv"]) == 0
    (listed,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    alike = "state", "networks", "planned", "best_accuracy", "metric", "dataset"
    assert [row[name] for name in alike] == [listed[name] for name in alike]
    assert row["stopping"].startswith(listed["stopping"])  # with its settings


def test_folders_of_the_same_name_are_told_apart(client, finished_run, tmp_path):
    twin = shutil.copytree(finished_run.path, tmp_path / "finished")
    change(type(finished_run)(twin), "UPDATE networks SET outcome = 'crashed' WHERE number = 7")
    browser = client(finished_run, type(finished_run)(twin))
    first, second = (browser.get(f"/runs/{run}/networks/7").text for run in ("finished", "finished-2"))
    assert "<dt>Outcome</dt><dd>crashed</dd>" not in first
    assert "<dt>Outcome</dt><dd>crashed</dd>" in second


def test_values_that_no_search_has_written_are_told_and_not_shown(client, run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET final_accuracy = 40 WHERE outcome = 'completed'")
    browser = client(run_copy)
    for path in ("/networks", "/figures/search.json"):
        answer = browser.get(f"/runs/copy{path}")
        assert answer.status_code == 503
        assert "final_accuracy in networks is 40" in answer.text


@pytest.mark.parametrize("trouble", ["vanished", "damaged"])
def test_a_run_that_cannot_be_read_says_so_and_the_others_go_on(client, finished_run, run_copy, trouble):
    browser = client(finished_run, run_copy)
    assert browser.get("/runs/copy").status_code == 200
    if trouble == "vanished":
        shutil.rmtree(run_copy.path)
    else:
        run_copy.database.write_bytes(b"garbage " * 1000)
    for path in ("", "/networks", "/networks/1", "/version", "/figures/search.json"):
        answer = browser.get(f"/runs/copy{path}")
        assert answer.status_code == 503
        assert "run copy cannot be read: " in answer.text
    overview = browser.get("/").text
    assert "run copy cannot be read: " in overview
    assert "24 of 24" in overview
    assert browser.get("/runs/finished").status_code == 200
    assert browser.get("/runs/finished/figures/search.json").status_code == 200


@pytest.mark.parametrize(("option", "value"), [("$.version", 99), ("$.metric", "f1")])
def test_a_run_with_options_of_another_version_takes_no_other_runs_chart_away(
    client, finished_run, run_copy, option, value
):
    change(run_copy, "UPDATE searches SET config = json_set(config, ?, ?)", option, value)
    browser = client(finished_run, run_copy)
    assert "run copy cannot be read: " in browser.get("/").text
    spec = browser.get("/comparison.json?with=finished").json()["spec"]
    assert {row["run"] for rows in spec["datasets"].values() for row in rows} == {"finished"}


def test_no_run_is_kept_open_between_requests(client, finished_run, run_copy):
    browser = client(finished_run, run_copy)
    for path in ("/", "/runs/copy", "/runs/copy/figures/search.json", "/comparison.json"):
        assert browser.get(path).status_code == 200
    assert [file.path for file in Process().open_files() if "search.db" in file.path] == []
