"""Several runs side by side, on the same images and on others, readable and not."""

import shutil
import sqlite3
from contextlib import closing

import pytest


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
    browser = client(finished_run, run_copy)  # the images of a search that is known already do not change
    apart = browser.get("/").text
    assert f"{address}finished" in apart
    assert f"{address}copy" in apart
    for run in ("finished", "copy"):
        spec = browser.get(f"/comparison.json?with={run}").json()["spec"]
        assert {row["run"] for rows in spec["datasets"].values() for row in rows} == {run}


def test_folders_of_the_same_name_are_told_apart(client, finished_run, tmp_path):
    twin = shutil.copytree(finished_run.path, tmp_path / "finished")
    change(type(finished_run)(twin), "UPDATE networks SET outcome = 'crashed' WHERE number = 7")
    browser = client(finished_run, type(finished_run)(twin))
    first, second = (browser.get(f"/runs/{run}/networks/7").text for run in ("finished", "finished-2"))
    assert "<dt>Outcome</dt><dd>crashed</dd>" not in first
    assert "<dt>Outcome</dt><dd>crashed</dd>" in second


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
