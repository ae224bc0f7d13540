"""Rules by name: what is understood, what is refused, and that everything listed can be made."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor import EarlyStopper, LearningCurves, NoStopping, PredictorError, StoppingRule
from predictor.rules.lce import LceRule
from predictor.rules.names import (
    RULES,
    RuleSpec,
    default_rules,
    describe_rules,
    make_rule,
    parse_rules,
    rule_kind,
)
from predictor.rules.optuna import PRUNERS


@pytest.mark.parametrize("name", RULES)
def test_every_rule_can_be_made_decides_and_is_described(name, make_curves):
    if name in PRUNERS:
        pytest.importorskip("optuna")
    rule, curves = make_rule(name), make_curves(3, 4, seed=0)
    assert isinstance(rule, StoppingRule)
    assert rule.decide(curves[0].until(1), curves[1:]).stop in (True, False)
    assert f"\n  {name} " in f"\n{describe_rules()}"


QUICKLY = {"published": "published:burn_in=10,n_settings=5", "lce": "lce:n_steps=100,every=4"}


@pytest.mark.parametrize("networks", [12, 30])
@pytest.mark.parametrize("name", RULES)
def test_no_rule_stops_what_nothing_distinguishes_from_the_others(name, networks):
    if name in PRUNERS:
        pytest.importorskip("optuna")
    rule, equal = make_rule(QUICKLY.get(name, name)), LearningCurves(np.full((networks, 10), 0.1))
    for tau in range(1, 10):
        assert not rule.decide(equal[0].until(tau), equal).stop, tau


def test_the_paper_rule_is_as_published():
    rule = make_rule("published")
    assert isinstance(rule, EarlyStopper)
    assert (rule.Delta, rule.burn_in, rule.tolerance, rule.nth_best) == (0.99, 100, 0.0, 1)
    assert rule.refit_growth is None
    model = rule.model
    assert (model.regressor, model.target, model.n_settings) == ("nu-svr-rbf", "final", 1000)
    assert tuple(model.features) == ("TS", "AP", "HP")
    assert model.uncertainty == "loocv"


def test_settings_reach_the_rule():
    rule = make_rule(
        "published:Delta=0.9, tolerance=1e-2,nth_best=3,burn_in=30,refit_growth=2,method=ols,random_state=7,"
        "uncertainty=conformal,n_settings=5"
    )
    assert (rule.Delta, rule.tolerance, rule.nth_best, rule.burn_in) == (0.9, 0.01, 3, 30)
    assert rule.refit_growth == 2.0
    assert (rule.model.regressor, rule.model.random_state, rule.model.n_settings) == ("ols", 7, 5)
    assert rule.model.uncertainty == "conformal"
    lce = make_rule("lce:Delta=0.8,every=5,first=2,n_steps=1000")
    assert isinstance(lce, LceRule)
    assert (lce.Delta, lce.every, lce.first) == (0.8, 5, 2)
    assert (lce.model.n_steps, lce.model.burn_in) == (1000, 200)


def test_a_method_keeps_its_own_number_of_settings_unless_told():
    assert make_rule("published:method=random-forest").model.n_settings is None
    assert make_rule("published:refit_growth=none").refit_growth is None


def test_any_optuna_pruner_with_its_own_settings():
    pruners = pytest.importorskip("optuna").pruners
    pruner = make_rule("optuna.PercentilePruner:percentile=10,n_startup_trials=8").pruner
    assert isinstance(pruner, pruners.PercentilePruner)
    assert (pruner._percentile, pruner._n_startup_trials) == (10.0, 8)
    halving = make_rule("optuna.SuccessiveHalvingPruner:min_resource=2,reduction_factor=5").pruner
    assert (halving._min_resource, halving._reduction_factor) == (2, 5)
    assert make_rule("optuna.SuccessiveHalvingPruner:min_resource=auto").pruner._min_resource is None


def test_a_list_of_rules_with_settings():
    specs = parse_rules("published:Delta=0.95,burn_in=50, none,lce:every=2,paper")
    assert [(spec.name, dict(spec.settings)) for spec in specs] == [
        ("published", {"Delta": 0.95, "burn_in": 50}),
        ("none", {}),
        ("lce", {"every": 2}),
        ("published", {}),
    ]
    assert str(specs[0]) == "published:Delta=0.95,burn_in=50"
    assert isinstance(specs[1].make(), NoStopping)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["published", "published:", "lce", "none"]),
            st.floats(0.01, 1),
            st.integers(1, 9),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_lists_are_read_back(rules):
    texts, expected = [], []
    for name, Delta, number, given_settings in rules:
        plain = name.rstrip(":")
        other = {"published": "nth_best", "lce": "first"}.get(plain)
        settings = {"Delta": Delta, other: number} if other and given_settings else {}
        listed = ",".join(f"{key}={value!r}" for key, value in settings.items())
        texts.append(f"{plain}:{listed}" if listed else plain)
        expected.append((plain, settings))
    specs = parse_rules(",".join(texts))
    assert [(spec.name, dict(spec.settings)) for spec in specs] == expected
    assert [str(spec) for spec in specs] == texts


def test_rules_from_one_spec_share_nothing():
    spec = RuleSpec.parse("published:Delta=0.5")
    one, other = spec.make(), spec.make()
    assert one is not other
    assert one.model is not other.model


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (
            "publishd",
            r"'publishd' is not known; did you mean 'published'\? expected one of none, published, lce",
        ),
        ("xyzzy", r"'xyzzy' is not known; expected one of none"),
        ("", r"rule '' is not known"),
        ("published:delta=1", r"no setting 'delta'; did you mean 'Delta'\? it takes Delta, tolerance"),
        ("published:model=3", r"no setting 'model'"),
        ("published:0.9", r"no setting '0.9'"),
        ("none:a=1", r"no setting 'a'; it takes none"),
        ("median:n_startup_trials=3", r"no setting 'n_startup_trials'; it takes none"),
        ("published:Delta=1,Delta=0.5", r"'Delta' of rule 'published' is given twice"),
        ("published:Delta=high", r"Delta = 'high' of rule 'published'; expected a number, such as 0.99"),
        (
            "published:burn_in=1.5",
            r"burn_in = '1.5' of rule 'published'; expected a whole number, such as 100",
        ),
        ("published:refit_growth=x", r"expected a number or none, such as none"),
        ("published:Delta=2", r"rule 'published:Delta=2': Delta = 2.0; expected a probability"),
        ("published:Delta=nan", r"Delta = nan"),
        ("published:method=magic", r"method 'magic' is not known"),
        ("published:target=1e99", r"target '1e99'; expected 'final' or 'increment'"),
        ("published:method=stacked,target=last", r"target 'last'; expected 'final', 'increment' or None"),
        ("published:uncertainty=none", r"uncertainty 'none' is not known; expected one of"),
        ("published:uncertainty=conformall", r"expected one of .*; did you mean 'conformal'\?"),
        ("published:n_settings=0", r"n_settings = 0; expected 1 to 100000"),
        ("published:n_settings=999999999", r"n_settings = 999999999; expected 1 to 100000"),
        ("published:random_state=-1", r"random_state = -1; expected at least 0"),
        ("published:refit_growth=inf", r"refit_growth = inf; expected a number above 1"),
        ("published:burn_in=" + "9" * 19, r"burn_in = '9{19}' of rule 'published'; expected a whole number"),
        (
            "published:burn_in=" + "9" * 5000,
            r"burn_in = '9{60}' of rule 'published'; expected a whole number",
        ),
        ("lce:n_steps=999999999", r"n_steps = 999999999, .* expected at most 1000000 steps"),
        ("lce:random_state=-1", r"random_state = -1; expected .* a seed of at least 0"),
    ],
)
def test_what_is_not_understood_is_one_clear_line(text, quoted):
    with pytest.raises(PredictorError, match=quoted) as caught:
        make_rule(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("optuna.MedianPrunr", r"no pruner 'MedianPrunr'; did you mean 'MedianPruner'\?"),
        ("optuna.PercentilePruner", r"needs the setting 'percentile'"),
        ("optuna.PercentilePruner:percentile=a", r"percentile = 'a' .*; expected a number$"),
        ("optuna.PercentilePruner:percentile=300", r"'optuna.PercentilePruner:percentile=300': .*300"),
        ("optuna.PatientPruner:patience=1", r"wrapped_pruner"),
    ],
)
def test_what_optuna_refuses_is_one_clear_line(text, quoted):
    pytest.importorskip("optuna")
    with pytest.raises(PredictorError, match=quoted) as caught:
        make_rule(text)
    assert "\n" not in str(caught.value)


def test_an_empty_list_is_refused():
    with pytest.raises(PredictorError, match="no rule in ' , '"):
        parse_rules(" , ")


def test_without_optuna_its_rules_say_so_and_are_no_default(monkeypatch):
    monkeypatch.setattr("predictor.rules.names.find_spec", lambda name: None)
    assert [spec.name for spec in default_rules()] == ["rank-envelope", "published", "asha"]
    monkeypatch.setitem(sys.modules, "optuna", None)
    for text in ("median", "optuna.MedianPruner"):
        with pytest.raises(PredictorError, match="pip install"):
            make_rule(text)


def test_with_optuna_its_pruners_are_default():
    pytest.importorskip("optuna")
    assert [spec.name for spec in default_rules()] == ["rank-envelope", "published", "asha", *PRUNERS]


def test_settings_are_keyword_arguments_with_their_defaults():
    settings = rule_kind("published").settings
    assert settings["Delta"].default == 0.99
    assert settings["burn_in"].annotation is int
    assert rule_kind("median").settings == {}


@pytest.mark.parametrize("name", PRUNERS)
def test_where_optunas_defaults_do_not_hold_the_line_on_a_pruner_says_so(name):
    pytest.importorskip("optuna")
    said, pruner = rule_kind(name).summary, make_rule(name).pruner
    assert f"Optuna's {type(pruner).__name__}" in said
    if " of " not in said and " with " not in said:
        assert vars(pruner) == vars(type(pruner)())
