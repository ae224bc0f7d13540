"""The figure of a search: what is drawn, and that it is a picture."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from metaqnn import figures
from metaqnn.database.queries import SearchReader
from metaqnn.summary import cumulative_top, summarise


@pytest.fixture
def drawn(finished_run, tmp_path, monkeypatch):
    """The axes of the figure, and where it was stored."""
    monkeypatch.setattr(figures.plt, "close", lambda figure: None)
    path = tmp_path / "new folder" / "picture"  # no suffix: a PNG all the same, and under that name
    figures.figure5(SearchReader(finished_run.url), path)
    yield plt.gcf().axes[0], path
    monkeypatch.undo()
    plt.close("all")


def test_a_png_is_written_where_it_should_be(drawn):
    with Image.open(drawn[1]) as image:
        assert image.format == "PNG"
        assert min(image.size) > 300


def test_bars_show_the_mean_reward_of_each_epsilon_as_wide_as_its_networks(drawn, finished_run):
    bars = drawn[0].patches
    rows = summarise(SearchReader(finished_run.url)).by_epsilon
    assert [bar.get_height() for bar in bars] == [row.mean_reward for row in rows]
    assert [bar.get_width() for bar in bars] == [12, 6, 6]
    assert [bar.get_x() for bar in bars] == [0, 12, 18]


def test_lines_show_the_best_so_far(drawn, finished_run):
    accuracies = [row.final_accuracy for row in SearchReader(finished_run.url).ended()]
    lines = drawn[0].lines
    assert len(lines) == 3
    for line, k in zip(lines, (1, 5, 15), strict=True):
        expected = np.array(cumulative_top(accuracies, k), dtype=float)
        np.testing.assert_array_equal(line.get_ydata(), expected)
        assert list(line.get_xdata()) == list(range(1, len(accuracies) + 1))
    assert len(drawn[0].get_legend().get_texts()) == 4
