"""The page in a real browser: drawn whole, alone, and within a phone's width."""

from contextlib import closing

import pytest

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
def test_all_figures_are_drawn_and_nothing_is_fetched(visit, report, drawable, width):
    seen = visit(report, width)
    seen.page.wait_for_function(f"{DRAWN} === {len(drawable)}")
    assert seen.overflow() <= 0
    assert seen.requests == [report]
    assert seen.problems == []
    for svg in seen.page.query_selector_all(".chart svg.marks"):
        box = svg.bounding_box()
        assert box["width"] > 0.7 * min(width, 1000)
        assert svg.query_selector_all("path, text")


def test_a_figure_tells_the_network_under_the_pointer(visit, report, drawable):
    seen = visit(report)
    seen.page.wait_for_function(f"{DRAWN} === {len(drawable)}")
    seen.page.locator("#audits .mark-symbol path").first.hover()
    tooltip = seen.page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert "predicted ~y_hat_T" in tooltip.inner_text()
    assert "architecture" in tooltip.inner_text()
    assert seen.problems == []


GROUND = "getComputedStyle(document.querySelector('#search svg.marks')).backgroundColor"


def test_page_and_charts_follow_the_colours_of_the_screen(visit, report, drawable):
    seen = visit(report)
    seen.page.wait_for_function(f"{DRAWN} === {len(drawable)}")
    for scheme, ground, paper in (
        ("dark", "rgb(19, 22, 26)", "rgb(28, 33, 39)"),
        ("light", "rgb(245, 246, 248)", "rgb(255, 255, 255)"),
    ):
        seen.page.emulate_media(color_scheme=scheme)
        seen.until(f"{GROUND} === '{paper}'")
        assert seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == ground
    assert seen.problems == []


def test_on_paper_all_charts_are_there_as_wide_as_the_paper(visit, report, drawable):
    seen = visit(report)
    seen.page.wait_for_function(f"{DRAWN} === {len(drawable)}")
    seen.page.emulate_media(media="print", color_scheme="dark")
    seen.page.set_viewport_size({"width": 680, "height": 900})
    boxes = [svg.bounding_box() for svg in seen.page.query_selector_all(".chart svg.marks")]
    assert len(boxes) == len(drawable)
    assert all(400 < box["width"] <= 680 for box in boxes)
    assert not seen.page.locator("nav").is_visible()


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_hostile_names_do_nothing(visit, drawable, run_copy, poisoned, tmp_path, monkeypatch, text):
    monkeypatch.setattr(files, "png", lambda _: b"")
    seen = visit(written(poisoned(run_copy, text), tmp_path / "report"))
    seen.page.wait_for_function(f"{DRAWN} === {len(drawable) - 3}")  # some need architectures
    seen.page.locator("#failures .mark-rect path").first.hover()
    seen.page.locator("#vg-tooltip-element.visible").wait_for()
    assert text in seen.page.locator("#vg-tooltip-element").inner_text()
    assert seen.page.locator("img").count() == 0
    assert len(seen.requests) == 1
    assert seen.problems == []


@pytest.mark.parametrize("width", [360, 1280])
def test_the_button_of_a_chart_covers_nothing_of_it(visit, report, drawable, width):
    seen = visit(report, width)
    seen.page.wait_for_function(f"{DRAWN} === {len(drawable)}")
    for chart in seen.page.query_selector_all(".chart:has(svg.marks)"):
        drawing, button = (chart.query_selector(part).bounding_box() for part in ("svg.marks", "summary"))
        assert drawing["x"] + drawing["width"] <= button["x"]
