"""The figure: a triangle where the best network was recovered in more than half of the orders."""

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.rules.names import RuleSpec
from predictor.simulation.figure import anytime, draw, figure4
from predictor.simulation.protocol import CurveSet, run_protocol

RULES = [RuleSpec("none"), RuleSpec("cut-after", {"burn_in": 1}), RuleSpec("cut-after", {"burn_in": 0})]


@pytest.fixture
def trials(make_curves, cut_after):
    losses = LearningCurves(1 - make_curves(10, 4, seed=5).values, metric="loss")
    sets = [CurveSet.of("x/a.csv", make_curves(20, 6, seed=4)), CurveSet.of("b.csv", losses)]
    return run_protocol(sets, RULES, range(4))


def test_markers_stand_at_the_means(trials):
    panels = [axes for axes in figure4(trials).axes if axes.containers]
    assert [axes.get_title() for axes in panels] == ["a.csv", "b.csv"]
    for axes, group in zip(panels, (trials[:3], trials[3:]), strict=True):
        for container, trial in zip(axes.containers, group, strict=True):
            point = container.lines[0]
            assert point.get_xdata()[0] == pytest.approx(trial.speed_up)
            assert point.get_marker() == ("^" if trial.recovered > 2 else "x")
    assert {c.lines[0].get_marker() for axes in panels for c in axes.containers} == {"^", "x"}


def test_a_rule_that_lets_nothing_complete_stands_at_the_largest_regret(trials):
    final = trials[2].curve_set.curves.final
    point = figure4(trials).axes[0].containers[2].lines[0]
    assert np.isinf(trials[2].regrets).all()
    assert point.get_ydata()[0] == pytest.approx(final.max() - final.min())


def test_half_of_the_orders_is_not_more_than_half(cut_after):
    curves = LearningCurves(np.array([[0.1, 0.5], [0.1, 0.9]]))
    orders = [o for o in range(40) if np.random.default_rng(1000 + o).permutation(2)[0] == 0][:1]
    orders += [o for o in range(40) if np.random.default_rng(1000 + o).permutation(2)[0] == 1][:1]
    trials = run_protocol([CurveSet.of("a", curves)], RULES[1:2], orders)
    assert trials[0].recovered == 1
    assert figure4(trials).axes[0].containers[0].lines[0].get_marker() == "x"


def test_the_file_is_a_png(trials, tmp_path):
    draw(figure4(trials), tmp_path / "figure")
    assert (tmp_path / "figure").read_bytes().startswith(b"\x89PNG\r\n")


def test_the_anytime_picture_has_a_line_for_every_rule_that_ends_at_its_regret(trials, tmp_path):
    figure = anytime(trials)
    for axes, group in zip(figure.axes, (trials[:3], trials[3:]), strict=True):
        for line, trial in zip(axes.lines, group, strict=True):
            end = np.mean([result.anytime_regret(1.0) for result in trial.results])
            assert line.get_ydata()[-1] == pytest.approx(end) or np.isnan(line.get_ydata()[-1])
            assert np.isnan(line.get_ydata()[-1]) == np.isinf(end)
    draw(figure, tmp_path / "anytime")
    assert (tmp_path / "anytime").read_bytes().startswith(b"\x89PNG\r\n")
