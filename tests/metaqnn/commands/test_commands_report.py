"""`metaqnn report`: what it prints in each format, and where it writes."""

import csv
import io
import json
import shutil
import subprocess

import pytest

from metaqnn.cli import main
from metaqnn.figures import FIGURES
from metaqnn.report import files
from metaqnn.results.audits import summarise_audits
from metaqnn.results.summary import summarise


@pytest.fixture
def short(monkeypatch):
    """A short page and one short picture: what is in them is tested elsewhere."""
    monkeypatch.setattr(files, "FIGURES", FIGURES[:1])
    monkeypatch.setattr(files, "page", lambda *_: "page")
    monkeypatch.setattr(files, "png", lambda _: b"picture")


def test_json_has_the_whole_summary(printed, run_copy, reader):
    found = json.loads(printed("report", run_copy.path, "--format", "json", "--no-figures"))
    audit = found.pop("audit")
    assert found == summarise(reader).to_dict()
    assert audit == vars(summarise_audits(reader))
    assert found["networks"] == found["completed"] + found["stopped"] + found["failed"] == 24


def test_csv_has_one_row_per_epsilon(printed, run_copy):
    text = printed("report", run_copy.path, "--format", "csv", "--no-figures")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["epsilon"], row["networks"]) for row in rows] == [("1.0", "12"), ("0.5", "6"), ("0.1", "6")]


def test_the_table_tells_what_was_found_and_saved(printed, finished_run, reader):
    text = printed("report", finished_run.path, "--no-figures")
    summary, audit = summarise(reader), summarise_audits(reader)
    assert f"24 of 24 networks: {summary.completed} trained to the end" in text
    assert f"{summary.full_epochs - summary.epochs} saved by early stopping" in text
    wrong = audit.better_than_best or "none"
    assert f"{audit.networks} audits of {audit.stops} stops: {wrong} would have beaten" in text
    assert "the criterion accepts 1 - Delta = 20.00%" in text


def test_without_figures_nothing_is_written(printed, run_copy):
    before = sorted(run_copy.path.rglob("*"))
    printed("report", run_copy.path, "--no-figures")
    assert sorted(run_copy.path.rglob("*")) == before


@pytest.mark.usefixtures("short")
def test_page_and_pictures_are_in_the_run_folder(printed, run_copy):
    text = printed("report", run_copy.path)
    folder = run_copy.path / "report"
    assert text.endswith(f"\npage with figures: {folder / 'index.html'}\n")
    assert {path.name for path in folder.iterdir()} == {"index.html", "search.png"}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("output_format", ["json", "csv"])
def test_page_and_pictures_go_where_they_should_whatever_is_printed(
    printed, finished_run, tmp_path, output_format
):
    text = printed("report", finished_run.path, "--to", tmp_path / "a" / "b", "--format", output_format)
    assert "page with figures" not in text
    assert (tmp_path / "a" / "b" / "index.html").read_text() == "page"


@pytest.mark.usefixtures("short")
def test_where_it_cannot_write_the_text_is_printed_and_the_way_out_named(capsys, run_copy):
    (run_copy.path / "report").touch()  # root may write to a folder that is read-only
    assert main(["report", str(run_copy.path)]) == 2
    captured = capsys.readouterr()
    assert "24 of 24 networks" in captured.out
    (line,) = captured.err.splitlines()
    assert line.startswith(f"metaqnn: error: cannot write the report to '{run_copy.path / 'report'}': ")
    assert line.endswith("name another folder with --to DIR")


@pytest.mark.usefixtures("short")
def test_a_read_only_file_system(mounted, run_copy, tmp_path, capsys):
    mounted(tmp_path / "disk", "size=8m")
    shutil.copytree(run_copy.path, tmp_path / "disk" / "run")
    subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
    assert main(["report", str(tmp_path / "disk" / "run")]) == 2
    captured = capsys.readouterr()
    assert "24 of 24 networks" in captured.out
    assert "Read-only file system; name another folder with --to DIR" in captured.err
    assert main(["report", str(tmp_path / "disk" / "run"), "--to", str(tmp_path / "elsewhere")]) == 0


def test_the_earlier_option_is_answered_with_help(capsys, finished_run):
    with pytest.raises(SystemExit):
        main(["report", str(finished_run.path), "--figure", "x.png"])
    assert "--figure" in capsys.readouterr().err


def test_a_place_for_a_page_that_is_not_written_is_refused(run_copy, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["report", str(run_copy.path), "--no-figures", "--to", str(tmp_path / "page")])
    assert end.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err
