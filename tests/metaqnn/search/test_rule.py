"""The stopping rule of a search: its settings, its random numbers, and what it forecasts."""

import pytest

from metaqnn.config.search import SearchConfig
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.search.rule import stopping_rule
from predictor import EarlyStopper, NoStopping, PredictorError
from predictor.rules.envelope import RankEnvelope
from predictor.rules.optuna import OptunaRule
from predictor.rules.reward import LastSeen, ModelForecaster


def test_the_published_criterion_has_the_settings_that_were_asked_for():
    changes = {"tolerance": 0.01, "nth_best": 3, "burn_in": 20, "refit_growth": 2.0, "svr_settings": 7}
    rule = stopping_rule(SearchConfig.of("laptop", delta=0.9, **changes))
    assert isinstance(rule, EarlyStopper)
    assert (rule.Delta, rule.tolerance, rule.nth_best, rule.burn_in) == (0.9, 0.01, 3, 20)
    assert (rule.refit_growth, rule.model.n_settings, rule.model.target) == (2.0, 7, "increment")


def test_its_random_numbers_are_the_searchs():
    rule = stopping_rule(SearchConfig.of(delta=0.9, seed=5))
    assert rule.model.random_state == derived_seed(5, Purpose.PREDICTOR)
    assert stopping_rule(SearchConfig.of(stopping="paper:random_state=0")).model.random_state == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("Delta", value) for value in ("0", "-0.1", "nan")),
        *(("tolerance", value) for value in ("-0.1", "nan")),
        *(("refit_growth", value) for value in ("1", "0.5")),
        *(("burn_in", value) for value in ("-1", "0", "2")),
        ("nth_best", "0"),
        ("nth_best", "101"),  # more than the burn-in trains: nothing to compare with
    ],
)
def test_a_setting_out_of_range_is_quoted_in_one_line(name, value):
    with pytest.raises(PredictorError, match=rf"{name} = {value}") as error:
        stopping_rule(SearchConfig.of("paper", stopping=f"published:{name}={value}"))
    assert "expected" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "kind"), [("none", NoStopping), ("rank-envelope:c=3", RankEnvelope), ("median", OptunaRule)]
)
def test_any_rule_of_the_predictor_forecasts_what_it_stops(name, kind):
    rule = stopping_rule(SearchConfig.of(stopping=name))
    assert isinstance(rule.rule, kind)
    assert isinstance(rule.forecaster, ModelForecaster)


@pytest.mark.parametrize("rule", [{"stopping": "rank-envelope"}, {"delta": 0.9}])
def test_the_last_value_seen_can_be_the_reward_with_every_rule(rule):
    assert isinstance(stopping_rule(SearchConfig.of(**rule, reward="last-seen")).forecaster, LastSeen)


def test_the_method_that_forecasts_the_reward_can_be_chosen():
    forecaster = stopping_rule(SearchConfig.of(reward="forecast:robust-gp")).forecaster
    assert forecaster._models.model.regressor == "robust-gp"
    with pytest.raises(PredictorError, match="method 'oracle' is not known"):
        stopping_rule(SearchConfig.of(reward="forecast:oracle"))
