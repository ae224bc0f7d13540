"""The settings on the page are those that the search ran with."""

import pytest

from metaqnn.config.search import SearchConfig
from metaqnn.report.settings import settings
from predictor.rules.names import rule_kind


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


def test_settings_that_a_former_version_stored_for_another_rule_are_left_out():
    stored = SearchConfig.of("first-run").to_dict() | {"delta": 0.99, "burn_in": 77, "stopping": "median"}
    assert 77 not in settings(SearchConfig.from_dict(stored)).values()


def test_without_early_stopping_neither_reward_nor_audits_are_shown():
    assert not {"reward", "audit"} & set(settings(SearchConfig.of("first-run", stopping="none")))
    assert {"reward", "audit"} <= set(settings(SearchConfig.of("first-run")))
