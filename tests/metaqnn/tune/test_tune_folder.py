"""The run folder of a tuning, which may be somebody else's."""

import json
import os
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import create_engine, text

from metaqnn.config.environment import Environment
from metaqnn.session.run_folder import STUDY, TRAINING, RunFolderError
from metaqnn.tune import TuneError
from metaqnn.tune.folder import TuneFolder, sqlite_file
from predictor.servers import UnknownServerError

URL = "postgresql+psycopg://me@evil.example/db"


@pytest.fixture
def on_server(tmp_path, settings, monkeypatch):
    """A folder whose study is on a server; none was named on this machine, and a password is at hand."""
    pytest.importorskip("psycopg")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.delenv("PGHOST", raising=False)
    folder = TuneFolder(tmp_path / "run")
    folder.remember("study", URL, settings(), Environment())
    return folder


def test_the_password_goes_to_no_server_that_the_folder_alone_names(on_server):
    with pytest.raises(UnknownServerError, match=r"never named on this machine \(host=evil.example\)"):
        on_server.open()


def test_who_names_the_server_opens_the_study_from_then_on(on_server):
    assert on_server.open(URL)[:2] == (URL, "study")
    assert on_server.open()[:2] == (URL, "study")


def test_a_server_is_named_when_a_study_is_begun_there(on_server, tmp_path):
    assert TuneFolder(tmp_path / "new").place("study", URL)[0] == URL
    assert on_server.open()[0] == URL


@pytest.mark.parametrize("secret", ["?password=hunter2", "?passwd=hunter2", "?sslpassword=hunter2"])
def test_no_password_is_written_or_printed_wherever_it_is_in_the_url(tmp_path, settings, secret):
    folder = TuneFolder(tmp_path)
    folder.remember("study", URL.replace("me@", "me:hunter2@") + secret, settings(), Environment())
    assert json.loads((tmp_path / STUDY).read_text())["url"] == URL
    with pytest.raises(TuneError) as refused:
        folder.open("mysql://me:hunter2@other.example/db" + secret)
    assert str(refused.value).endswith(f"is in {URL}, not in mysql://me@other.example/db")


def test_a_folder_whose_url_has_a_password_still_belongs_to_its_storage(on_server):
    file = on_server.path / STUDY
    file.write_text(file.read_text().replace(URL, f"{URL}?password=hunter2"))
    assert on_server.open(URL)[:2] == (URL, "study")
    with pytest.raises(TuneError, match=r"is in .*example/db, not in sqlite:///x.db"):
        on_server.open("sqlite:///x.db")


@pytest.mark.parametrize("storage", [None, "sqlite:///study.db"])
def test_a_folder_that_cannot_be_is_one_line(tmp_path, settings, storage):
    (tmp_path / "file").touch()
    folder = TuneFolder(tmp_path / "file")

    def begin():
        folder.place("study", storage)
        folder.remember("study", storage, settings(), Environment())

    with pytest.raises(RunFolderError, match="file' cannot be a run folder: it is not a folder"):
        begin()


@pytest.mark.parametrize("what", ["pipe", "huge", "epochs", "dataset"])
def test_a_file_that_names_no_study_is_one_line(tmp_path, settings, what):
    file = tmp_path / STUDY
    if what == "huge":
        file.touch()
        os.truncate(file, 2**36)
    elif what in ("epochs", "dataset"):
        bad = {"epochs": "x", "dataset": None}[what]
        facts = {"url": None, "study": "s", "settings": {**asdict(settings()), what: bad}}
        file.write_text(json.dumps({**facts, "environment": {}}))
    else:
        os.mkfifo(file)
    with pytest.raises(RunFolderError, match=r"study.json"):
        TuneFolder(tmp_path).open()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", [b"r\xff", b"50%41 #(x=1){y}", "é ü+".encode()])
@pytest.mark.parametrize("unquoted", [True, False], ids=["installed", "2.0"])
def test_the_study_is_in_the_folder_whatever_its_name(tmp_path, monkeypatch, name, unquoted):
    if not unquoted:
        monkeypatch.setattr("metaqnn.tune.folder.make_url", make_url_of_2_0)
    folder = TuneFolder(tmp_path / os.fsdecode(name))
    url, _ = folder.place("study", None)
    filled = url.format(SCHEMA_VERSION=0)  # as Optuna does it
    engine = create_engine(filled if unquoted else make_url_of_2_0(filled))
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE x (y INTEGER)"))
    engine.dispose()
    assert os.listdir(tmp_path) == [os.fsdecode(name)]
    assert (folder.path / "study.db").stat().st_size > 0


def test_a_question_mark_in_the_folders_name_needs_sqlalchemy_2_1(tmp_path, monkeypatch):
    monkeypatch.setattr("metaqnn.tune.folder.make_url", make_url_of_2_0)
    with pytest.raises(TuneError, match=r"question mark in its name, '.*why\?.*'; give another --run-dir"):
        TuneFolder(tmp_path / "why?").place("study", None)


def make_url_of_2_0(text):
    """What SQLAlchemy 2.0 makes of an SQLite URL: everything up to a question mark is the path as it is."""
    return sqlalchemy.URL.create("sqlite", database=text.removeprefix("sqlite:///").partition("?")[0])


def test_a_folder_of_a_training_is_no_place_for_a_study(tmp_path):
    (tmp_path / TRAINING).touch()
    with pytest.raises(RunFolderError, match="holds a training; give another --run-dir"):
        TuneFolder(tmp_path).place("study", None)


def test_a_study_in_a_storage_of_others_is_told_apart_by_the_folders_name(tmp_path):
    assert TuneFolder(tmp_path / "run").place("study", "sqlite:///x.db") == ("sqlite:///x.db", "study, run")
    assert TuneFolder(tmp_path / "own").place("study", None)[1] == "study"


def test_settings_of_an_sqlite_storage_are_remembered_beside_its_whole_path(tmp_path, settings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = TuneFolder(tmp_path / "run")
    folder.remember("study", "sqlite:///shared.db?timeout=5", settings(), Environment())
    assert folder.open()[0] == f"sqlite:///{tmp_path}/shared.db?timeout=5"
    (tmp_path / "shared.db").touch()  # it is found from the run folder now
    assert folder.open()[0] == f"sqlite:///{tmp_path}/shared.db?timeout=5"


@pytest.mark.parametrize(
    ("storage", "file"),
    [
        ("sqlite:///a/x.db?timeout=5", "a/x.db"),
        ("sqlite:////a/x.db", "/a/x.db"),
        ("sqlite:///file:x.db?mode=ro&uri=true", None),
        ("sqlite://", None),
        ("mysql://me@host/x.db", None),
    ],
)
def test_the_file_of_a_storage_is_known_if_it_has_one(storage, file):
    assert sqlite_file(storage) == (None if file is None else Path(file))


def test_a_tuning_that_moves_to_another_device_stays_what_it_is(tmp_path, settings):
    folder = TuneFolder(tmp_path)
    folder.remember("study", None, settings(seed=7), Environment())
    before = folder.open()
    folder.move(Environment(workers=3))
    assert folder.open() == (*before[:3], Environment(workers=3))


@pytest.mark.parametrize("stored", [None, {"torch": "1.13.0", "gone": "1"}, "damaged"])
def test_versions_of_the_start_stay_stored_and_others_have_a_note(tmp_path, settings, stored):
    """Earlier commits stored none."""
    folder, file = TuneFolder(tmp_path), tmp_path / STUDY
    folder.remember("study", None, settings(), Environment())
    facts = json.loads(file.read_text())
    assert {"python", "metaqnn", "torch", "optuna"} < {*facts["versions"]}
    assert folder.version_notes() == ()
    file.write_text(json.dumps({**facts, "versions": stored}))
    other = f"torch is {version('torch')} here and was 1.13.0 at the start: results may differ"
    assert folder.version_notes() == ((other,) if isinstance(stored, dict) else ())
    folder.move(Environment(workers=3))
    assert json.loads(file.read_text())["versions"] == stored


def test_a_folder_of_an_earlier_commit_is_opened_without_versions(tmp_path, settings):
    folder, file = TuneFolder(tmp_path), tmp_path / STUDY
    folder.remember("study", None, settings(), Environment())
    facts = json.loads(file.read_text())
    del facts["versions"]
    file.write_text(json.dumps(facts))
    assert folder.open()[1:] == ("study", settings(), Environment())
    assert folder.version_notes() == ()


@pytest.mark.parametrize(("root", "found"), [("", "after"), ("{}/", "before")], ids=["relative", "absolute"])
def test_a_relative_file_is_looked_for_where_it_lay_from_the_run_folder(
    tmp_path, settings, monkeypatch, root, found
):
    monkeypatch.chdir(tmp_path)
    storage = f"sqlite:///{root.format(tmp_path)}before/shared.db"
    TuneFolder(tmp_path / "before/run").remember("study", storage, settings(), Environment())
    (tmp_path / "before/shared.db").touch()
    (tmp_path / "before").rename("after")
    monkeypatch.chdir("after")
    assert TuneFolder(tmp_path / "after/run").open()[0] == f"sqlite:///{tmp_path}/{found}/shared.db"
