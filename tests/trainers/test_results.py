"""An epoch has numbers that can be stored and compared."""

from dataclasses import asdict
from math import inf, nan

import numpy as np
import pytest
import torch

from trainers import EpochReport, EpochReportError

REPORT = {"attempt": 1, "learning_rate": 1e-3, "epoch": 7, "accuracy": 0.5, "loss": 1.5, "seconds": 0.1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 0.0),
        ("accuracy", 1),
        ("accuracy", np.float64(0.25)),
        ("learning_rate", 0.0),  # 0.001 * 0.2^500 in floating point
        ("loss", inf),  # of a training that has diverged
        ("seconds", 0.0),
    ],
)
def test_what_an_epoch_can_have_is_kept(name, value):
    assert asdict(EpochReport(**{**REPORT, name: value})) == {**REPORT, name: value}


def test_a_loss_that_is_not_known_is_none_of_its_faults():
    assert EpochReport(**{**REPORT, "loss": nan}).accuracy == 0.5


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        *(("accuracy", value, r"a number in \[0, 1\]") for value in (nan, inf, -1e-9, 1 + 1e-9, "0.5", None)),
        ("accuracy", np.float32(0.5), r"a number in \[0, 1\]"),  # no database takes it
        ("accuracy", torch.tensor(0.5), r"a number in \[0, 1\]"),
        *(("learning_rate", value, "a finite number of at least 0") for value in (nan, inf, -1e-3, None)),
        *(("seconds", value, "a finite number of at least 0") for value in (nan, inf, -1.0)),
    ],
)
def test_what_no_epoch_can_have_is_refused_in_one_line(name, value, right):
    with pytest.raises(EpochReportError, match=rf"^{name} of epoch 7 is .*; it must be {right}$"):
        EpochReport(**{**REPORT, name: value})
