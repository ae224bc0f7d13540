"""Rungs and promotions of asynchronous successive halving."""

import numpy as np
import pytest

from predictor import PredictorError, StoppingRule
from predictor.rules.asha import Asha, Rung
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


def rung_of(scores, gone, reduction_factor):
    """A rung with these scores by training, from which these trainings, the best ones, have gone on."""
    rung = Rung()
    for training, score in scores.items():
        rung.add(training, score)
    assert {rung.promote(reduction_factor) for _ in gone} == gone
    return rung


def promoted(reduction_factor, scores, beyond):
    rungs = [rung_of(*pair, reduction_factor) for pair in zip(scores, beyond, strict=True)]
    return Asha(reduction_factor=reduction_factor).promoted(rungs)


def test_the_best_of_the_highest_rung_goes_first():
    low, high = {0: 0.1, 1: 0.5, 2: 0.4, 3: 0.3}, {1: 0.6, 2: 0.7}
    assert promoted(2, [low, high], [{1, 2}, set()]) == (2, 1)
    assert promoted(2, [low, high], [{1, 2}, {2}]) is None
    assert promoted(2, [low, {}], [{1}, set()]) == (2, 0)
    assert promoted(5, [low, {}], [set(), set()]) is None


def test_of_equal_trainings_the_earlier_goes_first():
    assert promoted(2, [{4: 0.5, 2: 0.5}], [set()]) == (4, 0)


@pytest.mark.parametrize("reduction_factor", [2, 3])
def test_who_goes_on_is_the_first_of_the_best_in_order_that_waits(reduction_factor):
    rung, scores, gone = Rung(), {}, []
    for training, score in enumerate(np.random.default_rng(0).integers(0, 20, 200) / 20):
        rung.add(training, score)
        scores[training] = score
        best = sorted(scores, key=lambda one: -scores[one])[: len(scores) // reduction_factor]
        expected = next((one for one in best if one not in gone), None)
        assert rung.promote(reduction_factor) == expected
        gone.append(expected)
    assert len(set(gone)) > 50


class Counted(float):
    """A number that counts how often it is compared."""

    compared = 0

    def __neg__(self):
        return Counted(-float(self))

    def __lt__(self, other):
        Counted.compared += 1
        return float(self) < float(other)


def test_a_decision_compares_few_scores_however_many_trainings_there_are():
    rung = Rung()
    for training, score in enumerate(np.random.default_rng(0).random(2000)):
        rung.add(training, Counted(score))
        rung.promote(3)
    assert 0 < Counted.compared / 2000 < 40


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
