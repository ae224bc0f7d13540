"""Values that stand for missing observations, wherever they are in a curve."""

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves.metrics import NamedMetric
from predictor.curves.placeholders import refuse_placeholders

read = LearningCurves.read


def refuses(path, said):
    with pytest.raises(CurvesError, match=said + "; leave empty what was not observed"):
        read(path)


@pytest.mark.parametrize(
    ("name", "filler"),
    [
        ("val_loss_#", -1),
        ("val_loss_#", 0),
        ("val_loss_#", 999),
        ("error_#", 0),
        ("auc_#", -1),
        ("f1_#", 9999),
        ("reward_#", -1e10),
    ],
)
def test_a_failed_training_of_one_placeholder_is_refused_where_others_have_values(
    wide, accuracies, losses, name, filler
):
    """A loss of -1 or 0 in all epochs would be the best of all."""
    values = np.copy(losses if name in ("val_loss_#", "error_#") else accuracies)
    values[2] = filler
    refuses(wide({name: values}), "in 1 of 8 curves, the first of them curve 2")
    values[2, 3:] = np.nan
    refuses(wide({name: values}), "in 1 of 8 curves, the first of them curve 2")


def test_trainings_that_learn_nothing_are_read_as_others_are(wide, accuracies):
    """At chance; at 0, the worst accuracy, which is told; with rewards, which may be 0."""
    chance, with_zero = accuracies.copy(), accuracies.copy()
    chance[2] = 0.1
    with_zero[2] = 0
    np.testing.assert_array_equal(read(wide({"acc_#": chance})).values, chance)
    for name in ("reward_#", "acc_#"):
        curves = read(wide({name: with_zero}))
        np.testing.assert_array_equal(curves.values, with_zero)
        assert "1 of them is 0 throughout" in curves.understood
    with_zero[4:, 0] = 0
    one = accuracies.copy()
    one[2] = [0, *[np.nan] * 5]
    np.testing.assert_array_equal(read(wide({"acc_#": one})).values, one)
    np.testing.assert_array_equal(read(wide({"acc_#": with_zero})).values, with_zero)


def test_zeros_between_values_of_losses_and_of_many_shares_are_refused(wide, accuracies, losses):
    """As logs have them where every other epoch is evaluated."""
    for name, values in {"acc_#": accuracies, "val_f1_#": accuracies, "error_#": losses}.items():
        values = values.copy()
        values[:, ::2] = 0
        refuses(wide({name: values}), "is 0 between other values in 8 of 8 curves, .* curve 0")
    once = losses.copy()
    once[3, 2] = 0
    refuses(wide({"val_loss_#": once}), "is 0 between other values in 1 of 8 curves, .* curve 3")


def test_scores_that_collapse_and_recover_and_errors_of_few_images_are_read(wide, accuracies):
    collapsed = accuracies.copy()
    collapsed[3, 3] = 0
    curves = read(wide({"dice_#": collapsed}))
    np.testing.assert_array_equal(curves.values, collapsed)
    assert "1 of them is 0 between other values" in curves.understood
    few = np.tile([0.1, 0.04, 0.02, 0, 0.04, 0.02], (8, 1))
    np.testing.assert_array_equal(read(wide({"val_error_#": few})).values, few)


@pytest.mark.parametrize(("name", "filler"), [("val_loss_#", -1), ("mae_#", -1), ("loss_#", 9999)])
@pytest.mark.parametrize("where", [slice(0, 2), slice(2, 3), slice(0, None, 2)])
def test_placeholders_at_the_beginning_and_between_values_are_refused(wide, losses, name, filler, where):
    values = losses.copy()
    values[1:3, where] = filler
    refuses(wide({name: values}), f"is {filler} in 2 of 8 curves, the first of them curve 1")


def test_losses_that_begin_large_or_negative_rewards_are_no_placeholders(wide, losses, accuracies):
    large, once, rewards = 100 * losses, losses.copy(), accuracies.copy()
    large[:, 0] = 10000
    once[3, 0] = 9999
    rewards[2, 0] = -1
    for name, values in {"ppl_#": large, "loss_#": once, "reward_#": rewards}.items():
        np.testing.assert_array_equal(read(wide({name: values})).values, values)


def test_zeros_that_are_real_are_read_and_told(wide, accuracies):
    """An error of 0 on 50 images, a term of a loss that is switched off, one epoch of one training."""
    errors = np.round(np.random.default_rng(0).integers(1, 10, (8, 6)) / 50, 2)
    errors[2] = 0
    terms, dip = 1 - accuracies, accuracies[:5].copy()
    terms[2], dip[0, 3] = 0, 0
    for name, values in {"val_error_#": errors, "kl_loss_#": terms, "val_reg_loss_#": terms}.items():
        curves = read(wide({name: values}))
        np.testing.assert_array_equal(curves.values, values)
        assert "1 of them is 0 throughout" in curves.understood
    assert "1 of them is 0 between other values" in read(wide({"val_acc_#": dip})).understood
    many = np.round(0.09 + errors / 2, 2)  # of more images, or rounded: 0 is far from all
    many[2] = 0
    refuses(wide({"val_error_#": many}), "is 0 throughout in 1 of 8 curves, the first of them curve 2")


NAN = np.nan
USUAL = [2.0, 1.5, 1.2, 1.0]
ACCURACIES = [[0.2, 0.4, 0.61, 0.8], *[[0.2, 0.4, 0.6, 0.8]] * 8]


@pytest.mark.parametrize(
    ("metric", "rows", "said"),
    [
        ("loss", [[2.0, 1.5, 1.2, 99.0]], None),  # it exploded
        ("loss", [USUAL, [2.0, 1.5, 1.2, 999.0]], "ends in 999 in curve 1"),
        ("loss", [[99.0, 98.0, 97.0, 999.0]], "ends in 999 in curve 0"),
        ("loss", [[100.0, 98.0, 97.0, 999.0]], None),  # not ten times as large
        ("loss", [[5e3, 4e3, 3e3, 2e3], [2.0, 1.5, 1.2, 9999.0]], "ends in 9999 in curve 1"),
        ("reward", [[5e3, 4e3, 3e3, 2e3], [2.0, 1.5, 1.2, 9999.0]], None),
        ("loss", [[1.0, 0.6, 0.3, 0.0], USUAL], "ends in 0 in 1 of 2 curves"),
        ("error", [[1.0, 0.6, 0.3, 0.0], USUAL], "ends in 0 in 1 of 2 curves"),
        ("loss", [[1.0, 0.6, 0.2, 0.0], USUAL], None),  # less than a quarter: it may get there
        ("accuracy", [*ACCURACIES, [0.2, 0.4, 0.6, 0.0]], "ends in 0 in 1 of 10 curves"),
        ("accuracy", [*ACCURACIES, ACCURACIES[0], [0.2, 0.4, 0.6, 0.0]], None),  # a collapse
        ("accuracy", [*ACCURACIES, *ACCURACIES, [0.2, 0.4, 0.6, -1.0]], "ends in -1 in 1 of 19 curves"),
        ("loss", [[0.9, 0.8, 0.7, -1.0], [0.5, -0.2, -0.4, -0.6]], None),  # may be negative
        ("loss", [[0.9, -1.0, 0.8, -0.7], [0.5, -0.2, -0.4, -0.6]], None),
        ("loss", [[-1.0, -1.0, -1.0, -1.0], [0.0, -1.0, -1.0, -1.0]], None),
        ("reward", [[0.0, 0.0, -1.0, -1.0], [0.5, 0.6, 0.7, 0.8]], None),
        ("loss", [[2.0, 0.0, 1.9, -0.5], [2.01, 1.8, 1.7, -0.4]], None),
        ("loss", [[2.0, 0.0, 1.9, 0.7], [2.01, 1.8, 1.7, 0.8]], "is 0 between other values in 1 of 2"),
        ("loss", [[2.0, 0.0, 1.9, 1.0, 0.1, 0.1]], "is 0 between other values in 1 of 1"),
        ("loss", [[2.0, 0.0, 0.01, 0.01], USUAL], None),  # it stays small
        ("error", [[0.08, 0.04, 0.0, 0.04]] * 8, None),  # of so few images that 0 is next
        ("f1", [*ACCURACIES[:6], *[[0.2, 0.4, 0.0, 0.8]] * 2], None),
        ("f1", [*ACCURACIES[:4], *[[0.2, 0.4, 0.0, 0.8]] * 4], "is 0 between other values in 4 of 8"),
        ("accuracy", [*[[*ACCURACIES[0], 0.8]] * 4, [0.4, 0.0, 0.6, 0.0, 0.8]], "is 0 between .* 1 of 5"),
        ("accuracy", [*[[*ACCURACIES[0], 0.8]] * 4, [0.4, 0.5, 0.6, 0.0, 0.8]], None),
        ("loss", [USUAL, [0.0, NAN, NAN, NAN]], "is 0 throughout in 1 of 2 curves"),
        ("error", [USUAL, [0.0, NAN, NAN, NAN]], None),
        ("loss", [[0.0] * 4, [2.0, 1.0, 0.1, 0.0]], "is 0 throughout in 1 of 2 curves"),
        ("loss", [[0.0] * 4, [0.0, 1.0, 1.1, 1.0]], None),
    ],
)
def test_what_stands_for_nothing_is_told_from_what_trainings_come_to(metric, rows, said):
    direction = "minimize" if metric in ("loss", "error") else "maximize"
    arguments = NamedMetric(metric, direction), metric, np.array(rows)
    if said is None:
        refuse_placeholders(*arguments)
    else:
        with pytest.raises(CurvesError, match=f"'{metric}' {said}"):
            refuse_placeholders(*arguments)
