"""Which rule runs: one definition, whichever flags ask for it."""

import pytest

from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import compared, settings_of, stated_risk
from predictor import PredictorError

LAPTOP = "burn_in=40,target=increment,refit_growth=1.5"
LATER = LAPTOP.replace("40", "50")


@pytest.mark.parametrize(
    ("changes", "stopping"),
    [
        ({}, "rank-envelope"),
        ({"stopping": "none"}, "none"),
        ({"stopping": "rank-envelope:c=3"}, "rank-envelope:c=3"),
        ({"delta": 0.9}, f"published:Delta=0.9,{LAPTOP}"),
        ({"stopping": "published"}, f"published:Delta=0.99,{LAPTOP}"),
        ({"stopping": "paper"}, f"published:Delta=0.99,{LAPTOP}"),
        ({"stopping": "paper", "delta": 0.9}, f"published:Delta=0.9,{LAPTOP}"),
        ({"stopping": "paper:Delta=0.9"}, f"published:Delta=0.9,{LAPTOP}"),
        ({"stopping": "published:Delta=0.9", "delta": 0.9}, f"published:Delta=0.9,{LAPTOP}"),
        ({"stopping": "published:Delta=0.90", "delta": 0.9}, f"published:Delta=0.9,{LAPTOP}"),
        ({"stopping": "paper:Delta=0.9", "burn_in": 50}, f"published:Delta=0.9,{LATER}"),
        ({"stopping": "paper:Delta=0.9,burn_in=50"}, f"published:Delta=0.9,{LATER}"),
        ({"delta": 0.9, "svr_settings": 10}, f"published:Delta=0.9,{LAPTOP},n_settings=10"),
        ({"delta": 0.9, "nth_best": 2, "tolerance": None}, f"published:Delta=0.9,{LAPTOP},nth_best=2"),
    ],
)
def test_flags_settings_and_presets_make_one_rule(changes, stopping):
    assert SearchConfig.of("laptop", **changes).stopping == stopping


@pytest.mark.parametrize("stopping", ["none", "rank-envelope", "median"])
def test_a_delta_and_another_rule_contradict_each_other(stopping):
    with pytest.raises(
        ConfigError, match=f"^--delta 0.95 asks for .* --stopping {stopping} for another rule"
    ):
        SearchConfig.of(delta=0.95, stopping=stopping)


@pytest.mark.parametrize(
    ("setting", "flags"),
    [
        ("Delta=0.9", {"delta": 0.95}),
        ("Delta=0.9,burn_in=20", {"burn_in": 50}),
        ("Delta=0.9,n_settings=20", {"svr_settings": 50}),
    ],
)
def test_a_setting_given_twice_must_be_the_same(setting, flags):
    name, value = next(iter(flags.items()))
    flag = name.replace("_", "-")
    with pytest.raises(ConfigError, match=f"^--{flag} {value} contradicts --stopping paper:{setting}: give"):
        SearchConfig.of(stopping=f"paper:{setting}", **flags)


@pytest.mark.parametrize("rule", [{"delta": 0.9}, {"stopping": "paper:burn_in=20"}])
def test_the_published_criterion_has_a_method_of_its_own_for_the_reward(rule):
    with pytest.raises(ConfigError, match=r"is 'forecast:ols', but .* --stopping published:method=ols$"):
        SearchConfig.of(**rule, reward="forecast:ols")
    assert SearchConfig.of(**rule, reward="forecast").reward == "forecast"


def test_a_setting_may_not_be_given_twice_in_one_rule():
    with pytest.raises(PredictorError, match=r"^setting 'Delta' of rule 'published' is given twice$"):
        SearchConfig.of(stopping="published:Delta=0.9, Delta=0.8")


FLAGS = {"tolerance": 0.1, "nth_best": 2, "burn_in": 50, "target": "final", "svr_settings": 10}


@pytest.mark.parametrize("name", [*FLAGS, "refit_growth"])
@pytest.mark.parametrize("rule", [{}, {"stopping": "median"}])
def test_a_setting_of_the_published_criterion_does_not_vanish_with_another_rule(name, rule):
    value = FLAGS.get(name, 2.0)
    flag = name.replace("_", "-")
    with pytest.raises(ConfigError, match=f"^--{flag} {value} belongs to the published criterion, but"):
        SearchConfig.of(**rule, **{name: value})


def test_settings_are_read_back():
    found = settings_of("published:Delta=0.9, burn_in = 5")
    assert found == ("published", {"Delta": "0.9", "burn_in": "5"})
    assert settings_of("none") == ("none", {})


def test_only_the_published_criterion_states_a_risk():
    assert stated_risk("published:Delta=0.95,burn_in=5") == pytest.approx(0.05)
    assert stated_risk("rank-envelope:c=3") is None


@pytest.mark.parametrize(
    ("setting", "asked"), [("Delta=x", stated_risk), ("tolerance=", compared), ("nth_best=1.5", compared)]
)
def test_a_stored_rule_whose_setting_is_no_number_is_quoted(setting, asked):
    name = setting.partition("=")[0]
    with pytest.raises(
        ConfigError, match=f"^{name} is no number in the stopping rule 'published:{setting}'$"
    ):
        asked(f"published:{setting}")


def test_no_audit_is_what_there_is_without_stops():
    assert SearchConfig.of(stopping="none", audit=0).audit == 0
