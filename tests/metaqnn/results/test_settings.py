"""The settings shown are those that the search ran with; forecasts are named after what made them."""

from dataclasses import replace

import pytest

from metaqnn.config.search import SearchConfig
from metaqnn.results.settings import compared_with, forecaster, forecaster_at_stops, rule_name, settings
from metaqnn.search.rule import stopping_rule
from predictor import EarlyStopper
from predictor.rules.names import rule_kind
from predictor.rules.reward import ForecastAtStop, LastSeen


def of_rule(shown):
    return {name.removeprefix("stopping: "): value for name, value in shown.items() if ": " in name}


@pytest.mark.parametrize("rule", ["rank-envelope", "rank-envelope:votes=3", "median", "none"])
def test_every_setting_of_the_rule_that_ran_is_shown_and_none_of_another(rule):
    shown = settings(SearchConfig.of("first-run", stopping=rule))
    name, _, given = rule.partition(":")
    assert shown["stopping"] == name
    assert set(of_rule(shown)) == set(rule_kind(name).settings)
    if given:
        assert of_rule(shown)["votes"] == 3


def test_the_published_criterion_has_its_settings():
    shown = of_rule(settings(SearchConfig.of("first-run", delta=0.9)))
    assert (shown["Delta"], shown["burn_in"]) == (0.9, 15)


def test_the_random_state_of_the_published_criterion_is_the_one_that_it_used():
    config = SearchConfig.of("first-run", delta=0.9, seed=7)
    assert of_rule(settings(config))["random_state"] == stopping_rule(config).model.random_state != 0
    given = replace(config, stopping=f"{config.stopping},random_state=3")
    assert of_rule(settings(given))["random_state"] == 3


def test_settings_that_a_former_version_stored_for_another_rule_are_left_out():
    stored = SearchConfig.of("first-run").to_dict() | {"delta": 0.99, "burn_in": 77, "stopping": "median"}
    assert 77 not in settings(SearchConfig.from_dict(stored)).values()


def test_without_early_stopping_neither_reward_nor_audits_are_shown():
    assert not {"reward", "audit"} & set(settings(SearchConfig.of("first-run", stopping="none")))
    assert {"reward", "audit"} <= set(settings(SearchConfig.of("first-run")))


def test_the_extra_images_of_svhn_are_a_setting_of_svhn_alone():
    for dataset in ("svhn", "mnist"):
        shown = settings(SearchConfig.of("first-run", dataset=dataset))
        assert ("svhn_extra" in shown) == (dataset == "svhn")


@pytest.mark.parametrize(("nth", "words"), [("1", "best"), ("2", "2nd best"), ("5", "5th best")])
def test_what_forecasts_are_compared_with_in_words(nth, words):
    assert compared_with(SearchConfig.of("first-run", stopping=f"published:nth_best={nth}")) == words


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
