"""Whose forecasts are shown: those of the rule, or of the model that rewards are made of."""

from dataclasses import replace

import pytest

from metaqnn.results.forecasts import forecaster, forecaster_at_stops, rule_name
from metaqnn.session.rule import stopping_rule
from predictor import EarlyStopper
from predictor.rules.reward import ForecastAtStop, LastSeen

ENVELOPE, PUBLISHED = "rank-envelope:c=3", "published:Delta=0.9"


@pytest.mark.parametrize(
    ("stopping", "reward", "at_stop"),
    [
        (ENVELOPE, "forecast", "the method stacked"),
        (ENVELOPE, "forecast:robust-gp", "the method robust-gp"),
        (ENVELOPE, "last-seen", "the last accuracy seen"),
        (PUBLISHED, "forecast", "the rule published"),
        (PUBLISHED, "last-seen", "the last accuracy seen"),
    ],
)
def test_each_forecast_is_by_what_the_search_uses(config, stopping, reward, at_stop):
    config = replace(config, stopping=stopping, reward=reward)
    assert forecaster_at_stops(config) == forecaster(config, stop=True) == at_stop
    assert forecaster(config, stop=False) == f"the rule {rule_name(config)}"
    rule = stopping_rule(config)
    assert isinstance(rule, EarlyStopper) == (at_stop == "the rule published")
    last_seen = isinstance(rule, ForecastAtStop) and isinstance(rule.forecaster, LastSeen)
    assert last_seen == (at_stop == "the last accuracy seen")
