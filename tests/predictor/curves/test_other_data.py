"""Training metrics beside what was measured on other data, or may have been."""

import pytest

from predictor import CurvesError, LearningCurves


@pytest.fixture
def read(tmp_path, long):
    """Reads a table with a loss and an accuracy under these names."""

    def renamed(loss, accuracy):
        table = long.rename(columns={"val_loss": loss, "val_acc": accuracy})
        table.to_csv(tmp_path / "log.csv", index=False)
        return LearningCurves.read(tmp_path / "log.csv")

    return renamed


@pytest.mark.parametrize("other", ["test_jaccard", "best_test_acc", "best_acc", "best_val_acc"])
def test_training_data_are_not_taken_where_others_are_of_no_known_metric_or_the_best_so_far(read, other):
    with pytest.raises(CurvesError, match=f"train_loss was measured on training data; {other}, measured on"):
        read("train_loss", other)


@pytest.mark.parametrize(
    ("curve", "other", "said"),
    [
        ("train_loss", "success_rate", "train_loss was measured on training data, and success_rate"),
        ("train_loss", "FPR95", "train_loss was measured on training data, and FPR95"),
        ("loss", "val_success_rate", "loss may be of the training data, and val_success_rate"),
    ],
)
def test_unknown_metrics_that_may_be_of_other_data_are_named(read, curve, other, said):
    assert (
        f"{said} of no known metric (if that is the curve: --curve {other})" in read(curve, other).understood
    )


@pytest.mark.parametrize(
    "other", ["train_jaccard", "best_train_acc", "dropout_rate", "test_step", "best_epoch"]
)
def test_what_is_of_training_data_a_rate_or_a_count_is_no_other_curve(read, other):
    curves = read("train_loss", other)
    assert curves.metric == "loss"
    assert "training data" not in curves.understood


def test_a_loss_without_a_label_may_be_beside_an_unknown_metric(read):
    assert "training data" not in read("loss", "jaccard").understood
