"""The configuration: published values, lossless storage, and one line for every bad value."""

import json
from dataclasses import fields
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config.schedule import PUBLISHED, EpsilonSchedule
from metaqnn.config.search import PRESETS, ConfigError, SearchConfig
from state_space import preset

positive = st.integers(1, 1000)
sizes = st.none() | positive
VALUES = {
    "dataset": st.text(min_size=1),
    "seed": st.integers(0, 2**63),
    "layer_limit": positive,
    "conv_widths": st.lists(positive, min_size=1, max_size=4).map(tuple),
    "pools": st.lists(st.tuples(positive, positive), max_size=3).map(tuple),
    "schedule": st.lists(st.tuples(st.floats(0, 1), positive), min_size=1, max_size=3).map(
        lambda stages: EpsilonSchedule(tuple(stages))
    ),
    "alpha": st.floats(0, 1, exclude_min=True),
    "audit": st.floats(0, 1),
    "reward": st.sampled_from(["forecast", "last-seen"]),
    "initial_q": st.floats(-10, 10),
    "image_size": sizes,
    "train_limit": sizes,
    "validation_size": sizes,
    "mirror": st.booleans(),
}
RULES = st.one_of(
    st.just({}),
    st.sampled_from(["none", "median", "rank-envelope:c=3"]).map(lambda name: {"stopping": name}),
    st.fixed_dictionaries({"delta": st.floats(0, 1, exclude_min=True), "tolerance": st.floats(0, 1)}),
)


def test_the_paper_preset_is_as_published():
    config = SearchConfig.of("paper", dataset="cifar10")
    assert config.schedule == PUBLISHED
    agent = (config.alpha, config.gamma, config.initial_q, config.replays)
    assert agent == (0.01, 1.0, 0.5, 100)
    training = (config.epochs, config.batch_size, config.learning_rate, config.attempts)
    assert training == (20, 128, 1e-3, 5)
    assert (config.decay_factor, config.decay_every, config.mirror) == (0.2, 5, True)
    assert (config.burn_in, config.svr_settings, config.target) == (100, 1000, "final")
    assert SearchConfig.of("paper", stopping="paper").delta == 0.99
    assert config.space(3, 32, 10) == preset("cifar10")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_searched(name):
    config = SearchConfig.of(name)
    assert config.preset == name
    assert config.burn_in < config.schedule.total
    assert config.space(3, config.image_size or 32, 10).layer_limit == config.layer_limit


@pytest.mark.parametrize("name", ["laptop", "first-run"])
def test_the_small_presets_use_the_state_spaces_of_that_name(name):
    space = preset(name)
    assert SearchConfig.of(name).space(space.channels, space.image_size, space.num_classes) == space


def test_svhn_has_at_most_12_layers_as_published():
    assert SearchConfig.of(dataset="svhn").space(3, 32, 10) == preset("svhn")
    assert SearchConfig.of(dataset="svhn").layer_limit == 12
    assert SearchConfig.of(dataset="svhn", layer_limit=7).layer_limit == 7
    assert SearchConfig.of(dataset="cifar10").layer_limit == 18


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(("dataset", "mirrored"), [("svhn", False), ("digits", False), ("cifar10", True)])
def test_images_of_digits_are_not_mirrored(name, dataset, mirrored):
    assert SearchConfig.of(name, dataset=dataset).mirror is mirrored
    assert SearchConfig.of(name, dataset=dataset, mirror=not mirrored).mirror is not mirrored


@pytest.mark.parametrize(("dataset", "preset"), [("digits", "first-run"), ("cifar10", "paper")])
def test_the_preset_follows_from_the_data_set(dataset, preset):
    assert SearchConfig.of(dataset=dataset).preset == preset


@given(st.fixed_dictionaries({}, optional=VALUES), RULES, st.sampled_from(sorted(PRESETS)))
def test_storing_as_json_loses_nothing(changes, rule, name):
    config = SearchConfig.of(name, **changes, **rule)
    assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("changes", "stopping", "delta"),
    [
        ({}, "rank-envelope", None),
        ({"delta": 0.9}, "paper", 0.9),
        ({"stopping": "paper"}, "paper", 0.99),
        ({"stopping": "paper", "delta": 0.9}, "paper", 0.9),
        ({"stopping": "none"}, "none", None),
        ({"stopping": "paper:Delta=0.9,burn_in=50"}, "paper:Delta=0.9,burn_in=50", None),
    ],
)
def test_a_delta_means_the_published_criterion(changes, stopping, delta):
    config = SearchConfig.of("laptop", **changes)
    assert (config.stopping, config.delta) == (stopping, delta)


@pytest.mark.parametrize("stopping", ["none", "rank-envelope", "median", "paper:Delta=0.9"])
def test_a_delta_and_another_rule_contradict_each_other(stopping):
    with pytest.raises(
        ConfigError, match=f"^--delta 0.95 asks for .* --stopping {stopping} for another rule"
    ):
        SearchConfig.of(delta=0.95, stopping=stopping)


SETTINGS = {"tolerance": 0.1, "nth_best": 2, "burn_in": 50, "target": "final", "svr_settings": 10}


@pytest.mark.parametrize("name", [*SETTINGS, "refit_growth"])
@pytest.mark.parametrize("rule", [{}, {"stopping": "median"}, {"stopping": "paper:Delta=0.9"}])
def test_a_setting_of_the_published_criterion_does_not_vanish_with_another_rule(name, rule):
    value = SETTINGS.get(name, 2.0)
    assert getattr(SearchConfig.of(delta=0.9, **{name: value}), name) == value
    flag = name.replace("_", "-")
    with pytest.raises(ConfigError, match=f"^--{flag} {value} belongs to the published criterion, but"):
        SearchConfig.of(**rule, **{name: value})


OLD = """{"dataset": "digits", "preset": "first-run", "seed": 0, "layer_limit": 8, "conv_widths": [8, 16, 32],
"conv_sizes": [1, 3, 5], "pools": [[3, 2], [2, 2]], "fc_widths": [64, 32], "schedule": "1.0:40,0.1:20",
"alpha": 0.01, "gamma": 1.0, "initial_q": 0.5, "replays": 100, "image_size": null, "train_limit": null,
"validation_size": 300, "epochs": 10, "batch_size": 16, "learning_rate": 0.003, "decay_factor": 0.2,
"decay_every": 4, "attempts": 5, "mirror": false, "translate": 0, "svhn_extra": false,
"early_stopping": true, "delta": 0.95, "tolerance": 0.01, "nth_best": 2, "burn_in": 15,
"target": "increment", "svr_settings": 200, "refit_growth": 1.5}"""
"""As stored before there were names of rules, rewards and audits."""


@pytest.mark.parametrize(("early_stopping", "rule"), [(True, ("paper", 0.95)), (False, ("none", None))])
def test_what_an_older_version_stored_means_what_it_meant(early_stopping, rule):
    old = {**json.loads(OLD), "early_stopping": early_stopping}
    config = SearchConfig.from_dict(old)
    assert (config.stopping, config.delta) == rule
    assert (config.reward, config.audit) == ("forecast", 0.0)
    unchanged = {name: value for name, value in old.items() if name not in ("early_stopping", "delta")}
    assert unchanged.items() <= json.loads(json.dumps(config.to_dict())).items()


def test_options_of_another_version_are_named():
    stored = {**SearchConfig.of().to_dict(), "momentum": 0.9}
    with pytest.raises(ConfigError, match="momentum"):
        SearchConfig.from_dict(stored)


BAD = [
    *(("delta", value) for value in (0, -0.1, 1.5, nan, inf)),
    *(("audit", value) for value in (-0.1, 1.1, nan)),
    ("reward", "last"),
    *(("tolerance", value) for value in (-0.1, nan, inf)),
    *(("alpha", value) for value in (0, 1.1, nan)),
    *(("gamma", value) for value in (-0.1, 1.1, nan)),
    *(("initial_q", value) for value in (nan, inf)),
    *(("refit_growth", value) for value in (1, 0.5, nan, inf)),
    *(("burn_in", value) for value in (-1, 0, 4)),
    ("seed", -1),
    *((name, value) for name in ("nth_best", "replays", "svr_settings", "epochs") for value in (0, -1)),
    ("nth_best", 101),  # more than the burn-in trains: nothing to compare with
    *((name, 0) for name in ("image_size", "train_limit", "validation_size")),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_answered_with_its_flag_and_itself(name, value):
    with pytest.raises(ConfigError) as error:
        SearchConfig.of("paper", **{"delta": 0.9, name: value})
    assert str(error.value).startswith(f"--{name.replace('_', '-')} is {value!r}; it must be ")
    assert "\n" not in str(error.value)


def test_an_unknown_preset_is_quoted_with_what_there_is():
    with pytest.raises(
        ConfigError, match=r"'labtop': presets are paper, laptop, first-run; did you mean 'laptop'\?"
    ):
        SearchConfig.of("labtop")


def test_every_option_has_a_sentence_of_help():
    assert all(field.metadata["help"] for field in fields(SearchConfig))
