"""The files of a report: all there and whole, or else a clear message."""

from contextlib import closing

import pytest
from PIL import Image

from metaqnn.database.queries import SearchReader
from metaqnn.figures import FIGURES
from metaqnn.report import files
from metaqnn.report.drawing import PNG_SCALE, PNG_WIDTH
from metaqnn.report.files import ReportError, write_report


@pytest.fixture
def unstarted(new_database):
    """A search before its first network."""
    url, database = new_database()
    database.close()
    with closing(SearchReader(url)) as reader:
        yield reader


@pytest.fixture(scope="module")
def report(finished_run, tmp_path_factory):
    """A report that was written once."""
    folder = tmp_path_factory.mktemp("reports") / "new" / "report"
    with closing(finished_run.reader()) as reader:
        assert write_report(reader, finished_run, folder) == folder / "index.html"
    return folder


def test_a_report_is_a_page_and_a_picture_of_each_figure(report, drawable):
    names = {path.name for path in report.iterdir()}
    assert names == {"index.html", *(f"{figure.name}.png" for figure in drawable)}


def test_pictures_are_wide_enough_for_print(report, drawable):
    for figure in drawable:
        with Image.open(report / f"{figure.name}.png") as picture:
            assert picture.format == "PNG"
            assert picture.width == pytest.approx(PNG_WIDTH * PNG_SCALE, abs=PNG_SCALE)
            darkest, lightest = picture.convert("L").getextrema()
            assert darkest < 100 < lightest == 255  # not blank


def test_the_page_is_small(report):
    assert (report / "index.html").stat().st_size < 1.3e6


@pytest.fixture
def small(monkeypatch):
    """Only a short page and one short picture."""
    monkeypatch.setattr(files, "FIGURES", FIGURES[:1])
    monkeypatch.setattr(files, "page", lambda *_: "page of a MetaQNN report")
    monkeypatch.setattr(files, "png", lambda _: b"picture of a MetaQNN report")


@pytest.mark.usefixtures("small")
def test_a_place_that_cannot_be_is_named(reader, finished_run, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match=r"cannot write the report to '.*file': File exists; name another"):
        write_report(reader, finished_run, tmp_path / "file")


@pytest.mark.usefixtures("small")
def test_a_picture_of_an_earlier_report_goes_where_there_is_none_now(
    reader, unstarted, finished_run, tmp_path
):
    write_report(reader, finished_run, tmp_path / "report")
    assert (tmp_path / "report" / "search.png").exists()
    write_report(unstarted, finished_run, tmp_path / "report")
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["index.html"]
