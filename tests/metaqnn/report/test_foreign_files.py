"""A report replaces and removes its own files, and no others."""

from contextlib import closing

import pytest

from metaqnn.cli import main
from metaqnn.figures import FIGURES
from metaqnn.report import files
from metaqnn.report.files import ReportError, write_report


@pytest.fixture
def write(finished_run, monkeypatch):
    """write(folder): a report of one figure."""
    monkeypatch.setattr(files, "FIGURES", FIGURES[:1])

    def write(folder, run=finished_run):
        with closing(finished_run.reader()) as reader:
            return write_report(reader, run, folder)

    return write


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("name", ["index.html", "search.png", "notes.txt", ".hidden"])
def test_a_folder_with_something_else_in_it_is_refused_and_stays_as_it_is(write, tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(
        ReportError, match=f"holds '{name}', which no report of this version wrote; move it away"
    ):
        write(tmp_path)
    assert content(tmp_path) == {name: b"precious"}


def test_so_is_a_report_with_a_foreign_picture_or_folder_beside_it(write, tmp_path):
    write(tmp_path / "report")
    picture = tmp_path / "report" / "search.png"
    picture.write_bytes(b"\x89PNG holiday")
    before = content(tmp_path / "report")
    with pytest.raises(ReportError, match=r"holds 'search.png'"):
        write(tmp_path / "report")
    assert content(tmp_path / "report") == before
    picture.unlink()
    picture.mkdir()
    with pytest.raises(ReportError, match=r"holds 'search.png'"):
        write(tmp_path / "report")


def test_a_report_is_replaced_with_what_a_killed_one_has_left(write, tmp_path):
    write(tmp_path)
    for name in ("search.png.new", "index.html.new", "report.lock"):
        (tmp_path / name).touch()
    (tmp_path / "index.html").unlink()
    assert write(tmp_path).read_bytes()


def test_links_are_none_of_its_files(write, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "page").write_text("MetaQNN report")
    (tmp_path / "report" / "index.html").symlink_to(tmp_path / "page")
    with pytest.raises(ReportError, match=r"holds 'index.html'"):
        write(tmp_path / "report")


def test_a_run_folder_does_not_lead_its_report_elsewhere(write, run_copy, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for target in ("elsewhere", "nowhere"):
        (run_copy.path / "report").symlink_to(tmp_path / target)
        with pytest.raises(ReportError, match="report' is a link"):
            write(run_copy.path / "report", run_copy)
        (run_copy.path / "report").unlink()
    assert content(tmp_path / "elsewhere") == {}


def test_the_text_comes_all_the_same(finished_run, tmp_path, capsys):
    (tmp_path / "notes.txt").touch()
    assert main(["report", str(finished_run.path), "--to", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert "best validation accuracy" in captured.out
    assert len(captured.err.splitlines()) == 1
