import numpy as np
import pytest

from predictor.curves import columns

UNIT, LARGE = np.array([[0.1, 0.9]]), np.array([[120.0, 80.0]])


@pytest.mark.parametrize(
    ("header", "prefix", "epochs"),
    [
        (["net", "lr", "acc_1", "acc_2"], "acc", [1, 2]),
        (["num_params", "lr", "acc_0", "acc_1"], "acc", [0, 1]),
        (["ep_0", "ep_1", "ep_2", "base_lr"], "ep", [0, 1, 2]),
        (["val_acc_2", "val_acc_1", "units_1", "units_2", "units_3"], "val_acc", [1, 2]),
        (["epoch_1", "epoch_2", "l2", "beta1"], "epoch", [1, 2]),
        (["acc1", "acc2"], "acc", [1, 2]),
        (["num_params", "lr"], "", []),
    ],
)
def test_epoch_columns_are_found_in_any_header(header, prefix, epochs):
    found = columns.epoch_columns(header)
    assert (found[0], list(found[1])) == (prefix, epochs)


@pytest.mark.parametrize(
    ("prefix", "values", "metric"),
    [
        ("acc", UNIT, "accuracy"),
        ("ep", LARGE, "perplexity"),
        ("ep", UNIT, "accuracy"),
        ("val_ppl", UNIT, "perplexity"),
        ("valid_loss", LARGE, "loss"),
        ("test_error", UNIT, "error"),
        ("score", LARGE, "accuracy"),
    ],
)
def test_metric_follows_from_the_prefix(prefix, values, metric):
    assert columns.metric_of(prefix, values) == metric


@pytest.mark.parametrize(
    "column",
    [
        "num_params",
        "depth",
        "num_blocks",
        "num_filters",
        "filter_size",
        "n_layer",
        "n_inputs",
        "ap_x",
        "kernelSize",
    ],
)
def test_columns_about_the_network_are_architecture(column):
    assert columns.kind_of(column) == "architecture"


@pytest.mark.parametrize(
    "column",
    [
        "lr",
        "base_lr",
        "ss",
        "weight_decay",
        "batch_size",
        "step_size",
        "momentum",
        "hp_depth",
        "something",
        "dropout",
    ],
)
def test_columns_about_training_and_unknown_ones_are_hyperparameters(column):
    assert columns.kind_of(column) == "hyperparameters"
