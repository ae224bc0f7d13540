import numpy as np
import pytest

from predictor import Decision, LearningCurves
from predictor.errors import CurvesError
from predictor.integrations.trainings import CurveFormat, Training, decide, tell_other_length


def test_curves_of_unequal_length_end_in_nan():
    curves = CurveFormat(4).curves([Training([0.1, 0.2]), Training([0.3, 0.4, 0.5, 0.6]), Training([])])
    assert curves.observed.tolist() == [2, 4, 0]
    assert curves.completed.tolist() == [False, True, False]


def test_parameters_are_sorted_into_architecture_and_hyperparameters():
    curve_format = CurveFormat(2, parameters=("num_layers", "learning_rate"))
    curves = curve_format.curves([Training([0.1], {"num_layers": 3, "learning_rate": 0.1, "other": "text"})])
    assert {name: column.tolist() for name, column in curves.architecture.items()} == {"num_layers": [3]}
    assert {name: column.tolist() for name, column in curves.hyperparameters.items()} == {
        "learning_rate": [0.1]
    }


def test_a_parameter_that_is_not_there_is_unknown():
    curves = CurveFormat(2, parameters=("lr",)).curves([Training([0.1]), Training([0.1], {"lr": 0.5})])
    np.testing.assert_equal(curves.hyperparameters["lr"], [np.nan, 0.5])


def test_an_infinite_parameter_is_unknown(fresh_rule, values):
    curve_format, infinite = CurveFormat(8, parameters=("clip",)), [np.inf if n % 4 else n for n in range(20)]
    past = [Training(row, {"clip": clip}) for row, clip in zip(values, infinite, strict=True)]
    unknown = [Training(t.values, {} if np.isinf(t.parameters["clip"]) else t.parameters) for t in past]
    decisions = [
        decide(fresh_rule(), Training([0.1], parameters), curve_format.curves(history), curve_format)
        for parameters, history in (({"clip": -np.inf}, past), ({}, unknown))
    ]
    assert decisions[0] == decisions[1]
    assert decisions[0].probability is not None


def test_a_parameter_that_is_no_number_is_quoted():
    with pytest.raises(CurvesError, match="parameter 'activation' of trial 7 is 'relu'; expected a number"):
        CurveFormat(2, parameters=("activation",)).curves([Training([], {"activation": "relu"}, "trial 7")])


def test_what_comes_after_the_last_epoch_is_not_looked_at(listener):
    assert CurveFormat(2).curves([Training([0.1, 0.2, 0.3])]).values.tolist() == [[0.1, 0.2]]
    listener.stop = True
    history = LearningCurves(np.zeros((2, 2)))
    assert not decide(listener, Training([0.1, 0.2, 0.3]), history, CurveFormat(2)).stop
    assert listener.asked == []


@pytest.mark.parametrize("T", [0, -1, 2.5, "20", True])
def test_a_number_of_epochs_that_is_none_is_quoted(T):
    with pytest.raises(CurvesError, match=f"T = {T!r}"):
        CurveFormat(T)


def test_a_number_of_epochs_may_be_numpys():
    assert CurveFormat(np.int64(20)).curves([Training([0.1])]).T == 20


@pytest.mark.parametrize("stop", [True, False])
def test_the_rule_is_asked_about_the_curve_and_answers_itself(stop, listener):
    listener.stop = stop
    history = LearningCurves(np.zeros((2, 3)))
    decision = decide(listener, Training([0.1, 0.2]), history, CurveFormat(3))
    assert decision == Decision(stop, "as told")
    [(curve, asked)] = listener.asked
    np.testing.assert_equal(curve.values, [[0.1, 0.2, np.nan]])
    assert asked is history


def test_a_resumed_training_is_compared_from_where_it_goes_on(listener):
    nan = np.nan
    history = LearningCurves([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, nan, nan], [nan, nan, 0.7, 0.8]])
    decide(listener, Training([nan, 0.9]), history, CurveFormat(4))
    [(curve, asked)] = listener.asked
    np.testing.assert_equal(curve.values, [[0.9, nan, nan]])
    np.testing.assert_equal(asked.values, [[0.2, 0.3, 0.4], [0.6, nan, nan]])
    decide(listener, Training([nan, 0.95]), history, CurveFormat(4))
    assert listener.asked[1][1] is asked  # rules keep what they fitted to one history
    decide(listener, Training([nan, nan, 0.9]), history, CurveFormat(4))
    np.testing.assert_equal(listener.asked[2][1].values, [[0.3, 0.4], [nan, nan], [0.7, 0.8]])


def test_trainings_that_are_validated_less_often_are_compared_where_they_are(listener):
    nan = np.nan
    history = LearningCurves([[nan, 0.2, nan, 0.4], [nan, 0.3, nan, 0.6], [nan, 0.1, nan, nan]])
    decide(listener, Training([nan, 0.9]), history, CurveFormat(4))
    np.testing.assert_equal(listener.asked[0][0].values, [[0.9, nan]])
    np.testing.assert_equal(listener.asked[0][1].values, [[0.2, 0.4], [0.3, 0.6], [0.1, nan]])
    decision = decide(listener, Training([0.1, 0.2, 0.3]), history, CurveFormat(4))
    assert (decision.stop, decision.reason) == (False, "the other trainings have no value at epoch 3")


def test_the_reason_names_the_epoch_where_the_rule_counts_others(fresh_rule, values):
    values[:, ::2] = np.nan
    history, rule = LearningCurves(values), fresh_rule()
    said = [decide(rule, Training([np.nan, 0.1] * n), history, CurveFormat(8)).reason for n in (1, 2)]
    assert all(f"after epoch {n}" in reason for n, reason in enumerate(said, start=1))
    assert [reason[reason.rindex("(") :] for reason in said] == [
        f"(epoch {n} of those that are compared is epoch {2 * n})" for n in (1, 2)
    ]
    whole = LearningCurves(values[:, 1::2])
    assert "compared" not in decide(rule, Training([0.1, 0.2]), whole, CurveFormat(4)).reason


def test_a_length_that_no_training_has_is_told_once_it_is_clear(caplog):
    assert not tell_other_length(20, [10, 10])
    assert not tell_other_length(20, [10, 20, 10])
    assert not caplog.records
    assert tell_other_length(20, [10, 10, 9])
    assert "T = 20, but the 3 trainings that came to their end have 10 values: say T = 10" in caplog.text
    assert tell_other_length(8, [10] * 3)
    assert "values after T are ignored" in caplog.text


def test_of_lengths_that_differ_the_shortest_and_the_longest_are_told(caplog):
    assert tell_other_length(30, [25, 13, 10])
    assert "T = 30, but the 3 trainings that came to their end have 10 to 25 values: say" in caplog.text
    assert tell_other_length(30, [8, 8, 9, 9, 12])
    assert "the 5 trainings that came to their end have 8 to 12 values: say" in caplog.text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_diverged_training_is_stopped_by_any_rule(value, listener):
    history = LearningCurves(np.zeros((2, 3)))
    decision = decide(listener, Training([0.1, value]), history, CurveFormat(3))
    assert decision.stop
    assert "diverged: the value of epoch 2" in decision.reason
    assert listener.asked == []


def test_a_completed_training_is_not_stopped(listener):
    listener.stop = True
    assert not decide(listener, Training([0.1, 0.2]), LearningCurves(np.zeros((2, 2))), CurveFormat(2)).stop
    assert listener.asked == []


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_rules_cope_with_a_few_trainings_some_of_them_short_or_diverged(fresh_rule, metric):
    ends = np.random.default_rng(0).uniform(0.5, 0.9, 16)
    rise = 1 - 0.5 ** np.arange(1, 9)
    completed = [Training(end * rise, {"lr": 0.1 * number}) for number, end in enumerate(ends)]
    others = [
        Training(0.3 * rise[:2]),
        Training([0.5, np.nan, 0.6], {"lr": 0.1}),
        Training([0.4, np.inf]),
        Training([]),
    ]

    def told(values):
        return values if metric == "accuracy" else [1 - value for value in values]

    curve_format = CurveFormat(8, metric, parameters=("lr",))
    past = [Training(told(t.values), t.parameters) for t in (*others, *completed)]
    history, rule = curve_format.curves(past), fresh_rule()
    assert history.completed.sum() == 16

    def epochs_given(height):
        looks = (Training(told(height * rise[:tau])) for tau in range(1, 8))
        return next(
            (n for n, look in enumerate(looks, 1) if decide(rule, look, history, curve_format).stop), 8
        )

    # The published model hardly forecasts above what it has seen: it may stop the better one, too, but later.
    assert epochs_given(0.05) < epochs_given(1.0)
