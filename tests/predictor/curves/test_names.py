"""What the names of columns tell, apart from metrics."""

import pytest

from predictor.curves.names import names_bookkeeping, names_result, only_accompanies, split_rank


@pytest.mark.parametrize(
    ("name", "rank"),
    [("val_acc", 0), ("valloss", 0), ("validate_loss", 0), ("acc", 1), ("test_acc", 2), ("trainLoss", 3)],
)
def test_validation_comes_before_training(name, rank):
    assert split_rank(name) == rank


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("train_eval_acc", 3),
        ("eval_train_accuracy", 3),
        ("eval/train_acc", 3),
        ("evaluation/training/acc", 3),
        ("test_eval_acc", 2),
        ("eval_test_loss", 2),
        ("eval/test/loss", 2),
        ("eval_accuracy", 0),
        ("eval/acc", 0),
        ("eval_val_acc", 0),
        ("train/eval_acc", 0),
        ("train/eval/acc", 0),
        ("Train/val_accuracy", 0),
        ("train_val_acc", 0),
        ("val/train_acc", 0),
    ],
)
def test_what_was_evaluated_are_validation_data_unless_another_word_says_which(name, rank):
    assert split_rank(name) == rank


@pytest.mark.parametrize(
    "name",
    [
        "MaxAccuracy",
        "best_val_acc",
        "test_dice_coef",
        "final_loss",
        "test_acc",
        "last_acc",
        "best_epoch",
        "best_step",
        "peak_iteration",
        "last_epoch",
        "early_stop_epoch",
        "argmax_epoch",
        "n_epochs_run",
        "steps_completed",
        "wall_clock",
        "val_loss",
        "error_rate",
        "train_time",
        "max",
    ],
)
def test_results_are_told_by_their_names(name):
    assert names_result(name)


@pytest.mark.parametrize(
    "name",
    [
        "last_layer_width",
        "LastLayerWidth",
        "max_lr",
        "min_lr",
        "max_depth",
        "loss_weight",
        "max_norm",
        "epochs",
        "max_epochs",
        "total_epochs",
        "time_steps",
        "early_stop",
        "stop_patience",
        "best_batch_size",
        "validate_every",
        "final_lr_step",
        "lr",
        "num_params",
        "test_size",
        "pretrained",
    ],
)
def test_parameters_with_a_word_of_results_stay_parameters(name):
    assert not names_result(name)


@pytest.mark.parametrize(
    "name", ["ModelId", "IsTest", "run_id", "timestamp", "trial_number", "split", "uuid"]
)
def test_numbers_dates_and_splits_of_runs_are_told_by_their_names(name):
    assert names_bookkeeping(name)


@pytest.mark.parametrize("name", ["num_layers", "depth", "lr", "seed", "width", "grid", "identity"])
def test_parameters_are_not_taken_for_bookkeeping(name):
    assert not names_bookkeeping(name)


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("loss_err", "loss_mean", True),
        ("loss_ci_lower", "loss", True),
        ("val_err_ci", "val_err", True),
        ("success_rate_err", "success_rate", True),
        ("val_acc_smoothed", "val_acc", True),
        ("running_mean_loss", "loss", True),
        ("smooth_l1_loss", "loss", False),
        ("val_acc_ema", "val_acc", False),
        ("val_err", "val_loss", False),
        ("val_err", "val_err", False),
        ("test_err_ci", "val_err", False),
        ("acc/steps", "acc/values", True),
        ("acc/timestamps", "acc/value", True),
        ("acc/val/x", "acc/val/y", True),
        ("acc/steps", "loss/values", False),
        ("train/steps", "train/loss", False),
        ("steps", "values", False),
    ],
)
def test_error_bars_smoothed_copies_and_steps_are_told_by_the_name_that_they_belong_to(name, other, expected):
    assert only_accompanies(name, [name, other]) == expected
