"""Charts on dark pages: every colour has a counterpart that can be seen there."""

import json
import re

import pytest

from metaqnn.figures.style import DARK, INK, PAPER
from metaqnn.report.theme import theme_script


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
