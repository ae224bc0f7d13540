import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor import CurvesError, LearningCurves
from predictor.evaluation.splits import depth_split, depths, epochs_seen, random_split, without_repeats


@given(st.integers(3, 200), st.data())
def test_a_split_uses_every_row_once(n, data):
    n_train = data.draw(st.integers(1, n - 2))
    split = random_split(n, n_train, data.draw(st.integers(0, 10**6)))
    assert len(split.train) == n_train
    np.testing.assert_array_equal(np.sort(np.concatenate([split.train, split.test])), np.arange(n))


def test_a_split_is_addressed_by_its_number():
    np.testing.assert_array_equal(random_split(50, 10, 3).train, random_split(50, 10, 3).train)
    assert set(random_split(50, 10, 3).train) != set(random_split(50, 10, 4).train)


@pytest.mark.parametrize(
    ("n", "wanted"),
    [
        (100, "train on 100 and test on others; expected at most --train 98"),
        (4, "train on some and test on others; expected at least 3 and 2"),
    ],
)
def test_too_few_curves_are_refused(n, wanted):
    with pytest.raises(CurvesError, match=f"{n} completed curves are too few to {wanted}"):
        random_split(n, 100, 0)


def test_depth_splits_train_on_shallow_and_test_on_deep():
    depth = np.repeat([14.0, 20.0, 32.0, 38.0, 50.0], 8)
    split = depth_split(depth, 32, 10, 1)
    assert len(set(split.train)) == 10
    assert depth[split.train].max() < 32
    np.testing.assert_array_equal(split.test, np.flatnonzero(depth > 32))
    with pytest.raises(CurvesError, match=r"8 curves with fewer than 20 layers.*at least 10 to train"):
        depth_split(depth, 20, 10, 0)
    with pytest.raises(CurvesError, match="0 with more"):
        depth_split(depth, 50, 10, 0)


def test_published_resnets_have_14_to_110_layers():
    values = np.ones((2, 3))
    np.testing.assert_array_equal(depths(LearningCurves(values, {"num_blocks": [2.0, 18.0]})), [14, 110])
    np.testing.assert_array_equal(depths(LearningCurves(values, {"n_layer": [1.0, 3.0]})), [1, 3])
    np.testing.assert_array_equal(depths(LearningCurves(values, {"depth": [5.0, 7.0]})), [5, 7])
    with pytest.raises(CurvesError, match="no column depth"):
        depths(LearningCurves(values, {"width": [1.0, 2.0]}))


@pytest.mark.parametrize(
    ("fraction", "T", "tau"),
    [
        (0.25, 20, 5),
        (0.25, 140, 35),
        (0.25, 59, 14),
        (0.29, 100, 29),
        (0.01, 20, 1),
        (0.99, 20, 19),
        (0.99, 2, 1),
    ],
)
def test_at_most_the_fraction_has_been_seen(fraction, T, tau):
    assert epochs_seen(fraction, T) == tau


def test_repeats_are_rows_that_agree_in_everything():
    values = np.array([[0.1, 0.2], [0.1, 0.2], [0.1, 0.2], [0.1, np.nan], [0.1, np.nan]])
    curves = LearningCurves(values, {"depth": np.array([1.0, 2, 1, 1, 1])})
    kept = without_repeats(curves)
    np.testing.assert_array_equal(kept.values, values[[0, 1, 3]])
    np.testing.assert_array_equal(kept.architecture["depth"], [1, 2, 1])
