"""The figures of progress, against the table of networks."""

from types import SimpleNamespace

import pytest

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.figures import NothingToShow, progress


def test_strokes_are_means_as_wide_as_their_networks(view, sql, rows):
    expected = sql(
        "SELECT count(*), avg(reward), avg(final_accuracy) FROM networks GROUP BY epsilon "
        "ORDER BY min(finished_position)"
    )
    strokes = rows(progress.search(view), "rule")
    for series, place in ((progress.MEAN_REWARD, 1), (progress.MEAN_ACCURACY, 2)):
        found = [(row["end"] - row["start"], row["accuracy"]) for row in strokes if row["series"] == series]
        assert found == [pytest.approx((row[0], row[place])) for row in expected if row[place] is not None]
    assert sorted({row["start"] for row in strokes}) == [0, 12, 18]


def test_an_epsilon_that_the_schedule_comes_back_to_has_two_stripes(searched, formula_trainer, rows):
    schedule = EpsilonSchedule.parse("1.0:5,0.5:3,1.0:2")
    view = searched(formula_trainer(5), schedule=schedule, stopping="none")
    strokes = rows(progress.search(view), "rule")
    found = [(row["epsilon"], row["start"], row["end"]) for row in strokes]
    assert list(dict.fromkeys(found)) == [(1.0, 0, 5), (0.5, 5, 8), (1.0, 8, 10)]


def test_the_axis_fits_what_is_drawn(view, rows):
    chart = progress.search(view)
    shown = [row["accuracy"] for mark in ("rule", "line") for row in rows(chart, mark)]
    scales = [
        layer["encoding"]["y"]["scale"]
        for layer in chart.to_dict()["layer"]
        if layer["mark"]["type"] in ("rule", "line")
    ]
    for scale in scales:
        low, high = scale["domain"]
        assert 0 <= low <= min(shown) < max(shown) <= high <= 1
        assert (max(shown) - min(shown)) > 0.85 * (high - low)


def test_lines_are_told_apart_by_colour_and_by_dashes(view):
    (line,) = (layer for layer in progress.search(view).to_dict()["layer"] if layer["mark"]["type"] == "line")
    dashes = dict(
        zip(*(line["encoding"]["strokeDash"]["scale"][end] for end in ("domain", "range")), strict=True)
    )
    drawn = [name for name in progress.BEST.values() if name in dashes]
    assert drawn == [progress.BEST[1], progress.BEST[5]]  # too few have completed for a mean of 15
    assert len({str(dashes[name]) for name in drawn}) == 2


@pytest.mark.parametrize("k", [1, 5])
def test_lines_are_the_means_of_the_k_best_at_every_moment(view, sql, rows, k):
    steps = [row for row in rows(progress.search(view), "line") if row["series"] == progress.BEST[k]]
    finals = [final for (final,) in sql("SELECT final_accuracy FROM networks ORDER BY finished_position")]
    for position in range(1, len(finals) + 1):
        best = sorted((y for y in finals[:position] if y is not None), reverse=True)[:k]
        before = [step["accuracy"] for step in steps if step["position"] <= position]
        assert before[-1:] == pytest.approx([sum(best) / k] if len(best) == k else [])
    assert steps[-1]["position"] == len(finals)


def test_a_rolling_mean_covers_the_networks_before_it(view, sql, rows):
    lines = rows(progress.rolling(view), "line")
    rewards = [reward for (reward,) in sql("SELECT reward FROM networks ORDER BY finished_position")]
    found = {row["position"]: row["mean"] for row in lines if row["series"] == "reward"}
    assert sorted(found) == list(range(5, 25))
    for position, mean in found.items():
        assert mean == pytest.approx(sum(rewards[position - 5 : position]) / 5)


def test_the_rolling_mean_of_accuracies_leaves_predictions_out(view, sql, rows):
    lines = rows(progress.rolling(view), "line")
    finals = sql(
        "SELECT finished_position, final_accuracy FROM networks WHERE outcome = 'completed' "
        "ORDER BY finished_position"
    )
    found = [row for row in lines if row["series"] == "observed y_T"]
    assert len(found) == len(finals) - 4
    assert found[-1]["position"] == finals[-1][0]
    assert found[-1]["mean"] == pytest.approx(sum(final for _, final in finals[-5:]) / 5)


def test_fewer_networks_than_a_rolling_mean_covers_are_no_empty_figure(view, rows):
    def first(networks):
        ended = view.ended[:networks]
        return SimpleNamespace(ended=ended, completed=[row for row in view.completed if row in ended])

    with pytest.raises(NothingToShow, match=r"^Each mean is over 5 networks; 4 have ended so far\.$"):
        progress.rolling(first(4))
    assert len(rows(progress.rolling(first(5)), "line")) > 0


def test_the_width_of_a_rolling_mean_grows_with_the_search():
    assert [progress.rolling_width(networks) for networks in (1, 100, 400, 10_000)] == [5, 5, 20, 100]
