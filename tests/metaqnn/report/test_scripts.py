"""The script for charts is made once and kept; every colour has a counterpart on dark pages."""

import json
import re

import pytest
import vl_convert

from metaqnn.figures.style import DARK, INK, PAPER
from metaqnn.report import scripts
from metaqnn.report.scripts import theme_script

SCRIPT = "window.vegaEmbed = 1;"


def made(monkeypatch):
    """Counts how often the script is put together."""
    calls = []
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: calls.append(snippet) or SCRIPT)
    scripts.bundle.cache_clear()
    return calls


def test_the_script_is_kept_in_the_cache_folder(tmp_path, monkeypatch):
    calls = made(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(3):
        assert scripts.bundle() == SCRIPT.encode()
        scripts.bundle.cache_clear()
    assert len(calls) == 1
    assert [file.name for file in (tmp_path / "metaqnn").iterdir()] == [f"vega-embed-{scripts.VERSION}.js"]


def test_a_cache_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    calls = made(monkeypatch)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert scripts.bundle() == SCRIPT.encode()
    assert len(calls) == 1
    scripts.bundle.cache_clear()


def test_the_real_script_offers_vega_embed():
    assert b"window.vegaEmbed=" in scripts.bundle()


def test_a_cache_that_cannot_be_read_is_done_without(tmp_path, monkeypatch):
    """Such as one that belongs to another user."""
    monkeypatch.setattr(
        "metaqnn.report.scripts.vl_convert.javascript_bundle", lambda snippet: "made " + snippet
    )

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("read_bytes", "mkdir", "exists"):
        monkeypatch.setattr(type(tmp_path), name, lambda path, *_, **__: refuse(path))
    scripts.bundle.cache_clear()
    assert scripts.bundle().startswith(b"made ")
    scripts.bundle.cache_clear()


def luminance(colour):
    """Relative luminance as WCAG 2.1 defines it."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_a_figure_has_a_counterpart(drawable, view):
    for figure in drawable:
        spec = figure.draw(view).to_dict()
        del spec["datasets"]
        found = set(re.findall(r'"(#[0-9a-fA-F]{3,8}|white|black)"', json.dumps(spec)))
        assert found
        assert found <= set(DARK), figure.name


@pytest.mark.parametrize("colour", sorted(set(DARK) - {PAPER}))
def test_what_can_be_seen_on_white_can_be_seen_in_the_dark(colour):
    assert contrast(DARK[colour], DARK[PAPER]) >= min(3.0, 0.8 * contrast(colour, PAPER))


def test_text_can_be_read_in_the_dark():
    assert contrast(DARK[INK], DARK[PAPER]) >= 7


def test_the_script_has_the_colours():
    (colours,) = re.findall(r"Object\.entries\((\{.*?\})\)", theme_script())
    assert json.loads(colours) == DARK
