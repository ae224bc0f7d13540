"""The page in a real browser: drawn whole, alone, and within a phone's width."""

from contextlib import closing

import pytest

from metaqnn.figures import FIGURES
from metaqnn.report import files
from metaqnn.report.files import write_report

DRAWN = "document.querySelectorAll('.chart svg.marks').length"


def written(folder, to):
    with closing(folder.reader()) as reader:
        return write_report(reader, folder, to).as_uri()


@pytest.fixture(scope="module")
def report(finished_run, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(files, "png", lambda _: b"")
        return written(finished_run, tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("width", [390, 1280])
def test_all_figures_are_drawn_and_nothing_is_fetched(visit, report, width):
    seen = visit(report, width)
    seen.page.wait_for_function(f"{DRAWN} === {len(FIGURES)}")
    assert seen.overflow() <= 0
    assert seen.requests == [report]
    assert seen.problems == []
    for svg in seen.page.query_selector_all(".chart svg.marks"):
        box = svg.bounding_box()
        assert box["width"] > 0.7 * min(width, 1000)
        assert svg.query_selector_all("path, text")


def test_a_figure_tells_the_network_under_the_pointer(visit, report):
    seen = visit(report)
    seen.page.wait_for_function(f"{DRAWN} === {len(FIGURES)}")
    seen.page.locator("#audits .mark-symbol path").first.hover()
    tooltip = seen.page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert "predicted ~y_hat_T" in tooltip.inner_text()
    assert "architecture" in tooltip.inner_text()
    assert seen.problems == []


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_hostile_names_do_nothing(visit, run_copy, poisoned, tmp_path, monkeypatch, text):
    monkeypatch.setattr(files, "png", lambda _: b"")
    seen = visit(written(poisoned(run_copy, text), tmp_path / "report"))
    seen.page.wait_for_function(f"{DRAWN} === {len(FIGURES) - 2}")  # no Q-values without architectures
    seen.page.locator("#failures .mark-rect path").first.hover()
    seen.page.locator("#vg-tooltip-element.visible").wait_for()
    assert text in seen.page.locator("#vg-tooltip-element").inner_text()
    assert seen.page.locator("img").count() == 0
    assert len(seen.requests) == 1
    assert seen.problems == []
