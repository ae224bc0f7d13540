"""Curves whose course does not fit the name of their metric, or is worth a remark."""

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


@pytest.mark.parametrize("name", ["val_error_rate_#", "val_loss_#", "val_mae_#"])
def test_what_gets_worse_is_read_with_a_remark(wide, accuracies, name):
    curves = read(wide({name: accuracies}))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.direction == "minimize"
    assert "worse at the end than at the beginning in 100% of the curves" in curves.understood


def test_an_accuracy_above_100_stands_for_none_and_a_number_of_correct_answers_does_not(wide, accuracies):
    values = np.where(accuracies > 0.8, 999, accuracies)
    with pytest.raises(CurvesError, match=r"that of curve 7 at epoch 6 is 999; leave empty"):
        read(wide({"val_acc_#": values}))
    with pytest.raises(CurvesError, match="is 999"):
        read(wide({"val_acc_#": np.where(values == 999, 999, 100 * values)}))
    np.testing.assert_array_equal(read(wide({"correct_#": np.rint(1000 * accuracies)})).T, 6)


def test_a_negative_accuracy_stands_for_none(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("acc_1,acc_2,acc_3\n0.2,0.3,0.4\n0.2,-1,-1\n")
    with pytest.raises(CurvesError, match=r"that of curve 1 at epoch 2 is -1; leave empty"):
        read(path)
    assert read(path, direction="maximize").values[1].tolist() == [0.2, -1, -1]


def test_curves_that_repeat_their_last_value_or_have_another_unit_are_told(wide, accuracies):
    values = accuracies.copy()
    values[[2, 5], 3:] = values[[2, 5], 2:3]
    assert (
        "(maximized, 2 of them repeat their last value to the end)"
        in read(wide({"acc_#": values})).understood
    )
    values[0] = 0.1
    assert "2 of them repeat" in read(wide({"acc_#": values})).understood
    values[[2, 3, 5], 4:] = 0
    assert "f1 (maximized, 3 of them fall to 0 and end there)" in read(wide({"f1_#": values})).understood
    mixed = accuracies * np.where(np.arange(8) < 6, 100, 1)[:, None]
    said = "(maximized, in percent, 2 of them rise within 0 to 1, as shares do)"
    for name in ("acc_#", "val_f1_#", "auc_#", "mAP_#", "dice_#"):
        assert said in read(wide({name: mixed})).understood
    assert "(maximized, in percent)" in read(wide({"acc_#": 100 * accuracies})).understood


@pytest.mark.parametrize(
    ("name", "filler"), [("acc_#", 0), ("val_loss_#", 0), ("error_#", 0), ("val_loss_#", -1), ("auc_#", -1)]
)
def test_what_stands_for_epochs_that_were_not_trained_is_refused(wide, losses, name, filler):
    """As arrays of trainings that stopped early have it: a loss of 0 would be the best of all."""
    values = 1 / losses if name in ("acc_#", "auc_#") else losses.copy()
    values[3, 4:], values[5, 5:] = filler, filler
    path = wide({name: values})
    said = f"ends in {filler} in 2 of 8 curves, the first of them curve 3; leave empty what was not observed"
    with pytest.raises(CurvesError, match=said):
        read(path)
    assert read(path, metric="loss").T == 6


@pytest.mark.parametrize("name", ["val_loss_#", "rmse_#", "auc_#"])
@pytest.mark.parametrize("filler", [-999, -9999.0, 999, 99999, 1e10, -1e30])
def test_large_numbers_that_stand_for_what_was_not_trained_are_refused(
    wide, losses, accuracies, name, filler
):
    values = accuracies.copy() if name == "auc_#" else losses.copy()
    np.testing.assert_array_equal(read(wide({name: 99 * values})).values, 99 * values)
    values[3, 4:], values[5, 5:] = filler, filler
    said = r"(ends in \S+ in curve 3|is \S+ in 2 of 8 curves, .* curve 3); leave empty what was not observed"
    with pytest.raises(CurvesError, match=said):
        read(wide({name: values}))


def test_losses_that_explode_or_come_near_to_a_large_number_are_read(wide, losses):
    exploding, large = losses.copy(), losses.copy()
    exploding[3, 5], large[3] = 123456, [998, 1200, 800, 700, 900, 999]
    for values in (exploding, large):
        np.testing.assert_array_equal(read(wide({"loss_#": values})).values, values)


@pytest.mark.parametrize("name", ["acc_#", "val_f1_#", "mIoU_#"])
def test_shares_that_go_on_in_percent_are_refused_with_their_row(wide, accuracies, name):
    mixed = accuracies.copy()
    mixed[2, 3:] *= 100
    with pytest.raises(
        CurvesError, match=r"goes from 0\.\d+ to \d\d\.\d+ at epoch 4 of curve 2, as from shares"
    ):
        read(wide({name: mixed}))
    assert read(wide({name: mixed}), metric="reward").T == 6


def test_a_network_that_begins_to_learn_late_is_read_in_percent(wide, accuracies):
    late = np.column_stack([np.full(8, 0.5), 100 * accuracies])
    np.testing.assert_array_equal(read(wide({"acc_#": late})).values, late)
    late[:, 1] = [0.1, 0.2, 0.5, 0.9, 1, 1, 3, 4]
    np.testing.assert_array_equal(read(wide({"acc_#": late})).values, late)


def test_a_few_trainings_that_collapsed_to_an_accuracy_of_zero_are_told(wide, accuracies):
    many = np.concatenate([accuracies, 0.9 * accuracies])
    many[3, 4:] = 0
    curves = read(wide({"acc_#": many}))
    np.testing.assert_array_equal(curves.values, many)
    assert "1 of them falls to 0 and ends there" in curves.understood
    with pytest.raises(CurvesError, match="ends in 0 in 1 of 16 curves"):
        read(wide({"val_loss_#": np.where(many == 0, 0, 1 / np.where(many == 0, 1, many))}))


@pytest.mark.parametrize("name", ["val_error_#", "val_loss_#"])
def test_what_comes_down_to_zero_is_read(wide, accuracies, name):
    values = accuracies.max() - accuracies
    assert (values[:, -1] == 0).any()
    np.testing.assert_allclose(read(wide({name: values})).values, values)


def test_a_score_of_an_unknown_metric_that_falls_is_refused(wide, losses):
    path = wide({"hd95_score_#": losses})
    with pytest.raises(
        CurvesError, match=r"'hd95_score' is read as score, which falls in 8 of 8 curves; say"
    ):
        read(path)
    np.testing.assert_array_equal(read(path, direction="minimize").values, losses)


def test_a_perplexity_that_rises_and_an_accuracy_that_falls_are_refused(wide, accuracies):
    with pytest.raises(CurvesError, match=r"'ppl' is read as perplexity, which rises in 8 of 8 curves"):
        read(wide({"ppl_#": 100 * accuracies}))
    with pytest.raises(CurvesError, match=r"'acc' is read as accuracy, which falls in 8 of 8 curves"):
        read(wide({"acc_#": 1 - accuracies}))
    assert read(wide({"acc_#": 1 - accuracies}), metric="error").direction == "minimize"


@pytest.mark.parametrize("name", ["val_1-acc_#", "test.1-F1_#"])
def test_a_gain_that_may_be_subtracted_from_1_is_refused_unless_most_curves_rise(wide, accuracies, name):
    """It may also be that on the first of several sets: `val_0-acc`, `val_1-acc`."""
    values = 1 - accuracies[:3]
    values[0, -1] = 0.99
    with pytest.raises(CurvesError, match=r"falls in 2 of 3 curves; say what it is"):
        read(wide({name: values}))
    assert read(wide({name: values}), direction="minimize").direction == "minimize"
    assert read(wide({name: accuracies[:3]})).direction == "maximize"
    assert read(wide({"validation_1-auc_#": values})).direction == "maximize"
