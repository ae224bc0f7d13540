"""Names of data sets, classes and run folders that are not UTF-8 are shown escaped wherever they appear."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from metaqnn.cli import main
from metaqnn.session.run_folder import RunFolder

RAW = b"photos\xff<b>"
SHOWN = "photos\\udcff"
CHANGE = """UPDATE searches SET config = json_set(config, '$.dataset', json('"photos\\udcff"')),
images = '{"train": {"photos\\udcff": 3}, "test": {"photos\\udcff": 1}}'"""


@pytest.fixture
def run(run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute(CHANGE)
    try:
        return RunFolder(
            run_copy.path.rename(Path(os.fsdecode(os.fsencode(run_copy.path.parent) + b"/" + RAW)))
        )
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")


def test_the_report_is_a_page_with_the_names_escaped(run, tmp_path, monkeypatch):
    monkeypatch.setattr("metaqnn.report.files.png", lambda _: b"")
    assert main(["report", str(run.path), "--to", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page" / "index.html").read_bytes().decode()
    assert f"<title>{SHOWN}&lt;b&gt; – MetaQNN</title>" in page
    assert f"A search on {SHOWN}, started at" in page
    assert f"{SHOWN}: 3" in page


@pytest.fixture
def client(run, run_copy, finished_run):
    testclient = pytest.importorskip("starlette.testclient")
    from metaqnn.dashboard import Dashboard

    with testclient.TestClient(Dashboard([run.path, finished_run.path], ["*"])) as client:
        yield client


@pytest.mark.parametrize(
    "page", ["/", "/runs/photos-b", "/runs/photos-b/networks", "/runs/photos-b/networks/1"]
)
def test_the_pages_of_the_dashboard_too(client, page):
    answer = client.get(page, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert SHOWN in answer.text


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_a_run_that_is_gone_is_named(client, run, accept):
    run.database.unlink()
    answer = client.get("/runs/photos-b", headers={"accept": accept})
    assert answer.status_code == 503
    assert SHOWN in answer.text


def test_an_optuna_study_gets_the_name_escaped(run, tmp_path, capsys):
    optuna = pytest.importorskip("optuna")
    storage = f"sqlite:///{tmp_path}/study.db"
    assert main(["mirror", str(run.path), "--optuna", storage]) == 0
    assert optuna.get_all_study_names(storage) == [f"{SHOWN}<b>"]
