import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from predictor import CurvesError, LearningCurves
from predictor.curves.learning_curves import check_measure

NAN = np.nan


def test_stopped_diverged_and_completed_runs_are_told_apart():
    curves = LearningCurves(
        np.array([[0.1, 0.2, 0.3], [0.1, 0.2, NAN], [0.1, NAN, 0.3], [NAN, NAN, NAN], [0.1, 0.2, np.inf]])
    )
    assert curves.observed.tolist() == [3, 2, 1, 0, 2]
    assert curves.completed.tolist() == [True, False, False, False, False]
    assert curves.diverged.tolist() == [False, False, True, False, True]
    np.testing.assert_array_equal(curves.final, [0.3, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(curves.scores[2], [0.1, NAN, NAN])


@pytest.mark.parametrize(
    ("metric", "direction", "expected"),
    [
        ("accuracy", None, [0.5, 2.0]),
        ("perplexity", None, [np.log(2.0), -np.log(2.0)]),
        ("loss", None, [-0.5, -2.0]),
        ("error", None, [-0.5, -2.0]),
        ("f1", None, [0.5, 2.0]),
        ("f1", "minimize", [-0.5, -2.0]),
    ],
)
def test_scores_are_larger_for_better(metric, direction, expected):
    curves = LearningCurves(np.array([[0.5, 2.0]]), metric=metric, direction=direction)
    np.testing.assert_allclose(curves.scores[0], expected)
    np.testing.assert_allclose(curves.to_values(curves.scores), curves.values)


@pytest.mark.parametrize(
    ("name", "metric"),
    [("val_ppl", "perplexity"), ("top1", "accuracy"), ("valid/loss", "loss"), ("F1", "f1")],
)
def test_a_metric_is_the_same_whatever_it_is_called(name, metric):
    called, known = (LearningCurves(np.array([[0.5, 2.0]]), metric=m) for m in (name, metric))
    assert called.metric == metric
    np.testing.assert_array_equal(called.scores, known.scores)


@pytest.mark.parametrize(
    ("name", "metric", "direction"),
    [("d2_absolute_error_score", "d2", "maximize"), ("ppl_increase", "ppl_increase", "minimize")],
)
def test_the_name_that_was_given_tells_the_direction(name, metric, direction):
    curves = LearningCurves(np.array([[-0.5, 2.0]]), metric=name)
    assert (curves.metric, curves.direction) == (metric, direction)
    assert np.abs(curves.scores).tolist() == [[0.5, 2.0]]


def test_names_of_one_metric_with_one_direction_may_be_compared():
    for names, direction in ((("val_loss", "loss"), "maximize"), (("val_entropy", "entropy"), "minimize")):
        check_measure(*(LearningCurves(np.ones((1, 2)), metric=n, direction=direction) for n in names))


def test_a_metric_that_is_said_to_go_the_other_way_keeps_its_own_name():
    curves = LearningCurves(np.array([[0.5, 2.0]]), metric="val_ppl", direction="maximize")
    assert curves.metric == "val_ppl"
    np.testing.assert_array_equal(curves.scores, [[0.5, 2.0]])


@pytest.mark.parametrize(
    ("metric", "values", "possible"),
    [
        ("accuracy", [0.3, 0.9, NAN], (0, 1)),
        ("accuracy", [0.9, 30.0], (0, 100)),
        ("accuracy", [-0.1, 0.5], (-np.inf, np.inf)),
        ("loss", [0.3, 90.0], (-np.inf, 0)),
        ("loss", [-0.3, 90.0], (-np.inf, np.inf)),
        ("bleu", [0.3, 0.9], (-np.inf, np.inf)),
    ],
)
def test_accuracies_and_losses_have_limits(metric, values, possible):
    assert LearningCurves(np.array([values]), metric=metric).possible == possible


@given(
    arrays(np.float64, (4, 3), elements=st.floats(0.01, 1e6)),
    st.sampled_from(["accuracy", "perplexity", "loss"]),
)
def test_scores_keep_or_reverse_the_order_and_come_back(values, metric):
    curves = LearningCurves(values, metric=metric)
    sign = 1 if curves.direction == "maximize" else -1
    np.testing.assert_allclose(curves.to_values(curves.scores), values, rtol=1e-9)
    order = np.argsort(sign * values, axis=None)
    assert np.all(np.diff(curves.scores.ravel()[order]) >= 0)


def test_indexing_takes_everything_along(curves):
    picked = curves[[3, 0]]
    np.testing.assert_array_equal(picked.values, curves.values[[3, 0]])
    np.testing.assert_array_equal(picked.architecture["depth"], curves.architecture["depth"][[3, 0]])
    assert picked.names.tolist() == ["net 3", "net 0"]
    assert len(curves[5]) == len(curves[-1]) == 1
    np.testing.assert_array_equal(curves[-1].values[0], curves.values[-1])
    mask = curves.hyperparameters["lr"] == 1e-3
    assert len(curves[mask]) == mask.sum()
    with pytest.raises(IndexError):
        curves[len(curves)]


def test_concatenating_the_parts_gives_the_whole(curves):
    whole = LearningCurves.concatenate(curves[:20], curves[20:21], curves[21:])
    np.testing.assert_array_equal(whole.values, curves.values)
    np.testing.assert_array_equal(whole.hyperparameters["lr"], curves.hyperparameters["lr"])
    np.testing.assert_array_equal(whole.names, curves.names)


@pytest.mark.parametrize(
    ("other", "fact"),
    [
        (LearningCurves(np.ones((1, 2))), "number of epochs"),
        (LearningCurves(np.ones((1, 3)), metric="loss"), "metric"),
        (LearningCurves(np.ones((1, 3)), {"depth": np.ones(1)}), "architecture"),
    ],
)
def test_only_sets_that_agree_are_concatenated(other, fact):
    with pytest.raises(CurvesError, match=fact):
        LearningCurves.concatenate(LearningCurves(np.ones((1, 3))), other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": np.ones(3)}, r"\(3,\)"),
        ({"values": np.ones((2, 0))}, r"\(2, 0\)"),
        ({"values": np.ones((2, 3)), "architecture": {"depth": np.ones(3)}}, "depth"),
        ({"values": np.ones((2, 3)), "names": ["a"]}, "names"),
        ({"values": np.ones((2, 3)), "direction": "up"}, "'up'"),
        (
            {"values": np.ones((2, 3)), "metric": "perplexity", "direction": "maximize"},
            "perplexities are minimized",
        ),
        ({"values": np.array([[3.0, 0.0]]), "metric": "perplexity"}, r"0\.0 of curve 0 at epoch 2"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_value(arguments, message):
    with pytest.raises(CurvesError, match=message):
        LearningCurves(**arguments)


def test_what_is_read_cannot_be_written(curves):
    for array in (curves.values, curves.scores, curves.architecture["depth"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_until_forgets_the_later_epochs_only(curves):
    early = curves.until(3)
    assert early.T == curves.T
    assert set(early.observed) == {3}
    np.testing.assert_array_equal(early.values[:, :3], curves.values[:, :3])


def test_a_parameter_that_is_infinite_is_not_known():
    clip = np.array([1.0, np.inf, -np.inf, np.nan])
    curves = LearningCurves(np.ones((4, 2)), {"depth": clip}, {"clip": clip})
    for column in (curves.architecture["depth"], curves.hyperparameters["clip"]):
        np.testing.assert_array_equal(column, [1.0, np.nan, np.nan, np.nan])
    assert clip[1] == np.inf  # what was passed in stays as it was
