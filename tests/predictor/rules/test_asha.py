"""Rungs and promotions of asynchronous successive halving."""

import pytest

from predictor import PredictorError, StoppingRule
from predictor.rules.asha import Asha
from predictor.rules.names import default_rules, make_rule, parse_rules


@pytest.mark.parametrize(
    ("settings", "T", "rungs"),
    [
        ({}, 20, (1, 3, 9, 20)),
        ({}, 27, (1, 3, 9, 27)),
        ({"first": 0.1}, 20, (2, 6, 18, 20)),
        ({"first": 0.1}, 49, (5, 15, 45, 49)),
        ({"first": 0.07}, 100, (7, 21, 63, 100)),  # 0.07 * 100 is a little above 7 in floating point
        ({"first": 0.5, "reduction_factor": 2}, 3, (2, 3)),
        ({"first": 0.9}, 2, (2,)),
    ],
)
def test_rungs_grow_by_the_factor_up_to_the_last_epoch(settings, T, rungs):
    assert Asha(**settings).rungs(T) == rungs


def test_the_best_of_the_highest_rung_goes_first():
    low, high = {0: 0.1, 1: 0.5, 2: 0.4, 3: 0.3}, {1: 0.6, 2: 0.7}
    schedule = Asha(reduction_factor=2)
    assert schedule.promoted([low, high], [{1, 2}, set()]) == (2, 1)
    assert schedule.promoted([low, high], [{1, 2}, {2}]) is None
    assert schedule.promoted([low, {}], [{1}, set()]) == (2, 0)
    assert Asha(reduction_factor=5).promoted([low, {}], [set(), set()]) is None


def test_of_equal_trainings_the_earlier_goes_first():
    assert Asha(reduction_factor=2).promoted([{4: 0.5, 2: 0.5}], [set()]) == (4, 0)


@pytest.mark.parametrize(
    ("settings", "quoted"),
    [
        ({"reduction_factor": 1}, "reduction_factor = 1"),
        ({"first": 1.0}, "first = 1.0"),
        ({"first": float("nan")}, "first = nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, quoted):
    with pytest.raises(PredictorError, match=quoted):
        Asha(**settings)


def test_it_is_a_name_in_simulations_and_nowhere_else():
    (spec,) = parse_rules("asha:first=0.1,reduction_factor=4")
    made = spec.make()
    assert (made.first, made.reduction_factor) == (0.1, 4)
    assert not isinstance(made, StoppingRule)
    assert "asha" in [spec.name for spec in default_rules()]
    with pytest.raises(PredictorError, match="rule 'asha' can only be simulated; expected one of none"):
        make_rule("asha")
