"""The configuration: published values, lossless storage, and one line for every bad value."""

import json
from dataclasses import fields, replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config.options import ConfigError
from metaqnn.config.presets import PRESETS
from metaqnn.config.schedule import PUBLISHED, EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import OF_STOPPING
from metaqnn.search.rule import stopping_rule
from state_space import StateSpace, preset

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
    "reward": st.sampled_from(["forecast", "last-seen", "forecast:ols"]),
    "initial_q": st.floats(-10, 10),
    "image_size": sizes,
    "train_limit": sizes,
    "validation_size": sizes,
    "mirror": st.booleans(),
    "max_fc": st.integers(0, 5),
    "conv_padding": st.sampled_from(["same", "valid"]),
    "batch_norm": st.booleans(),
    "initial_pooling": st.booleans(),
    "consecutive_pooling": st.booleans(),
}
RULES = st.one_of(
    st.just({}),
    st.sampled_from(["none", "median", "rank-envelope:c=3", "published:Delta=0.9"]).map(
        lambda name: {"stopping": name}
    ),
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
    assert SearchConfig.of("paper", stopping="paper").stopping == (
        "published:Delta=0.99,burn_in=100,refit_growth=1.5"
    )
    assert config.space(3, 32, 10) == preset("cifar10")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_searched(name):
    config = SearchConfig.of(name)
    assert config.preset == name
    assert stopping_rule(SearchConfig.of(name, delta=0.9)).burn_in < config.schedule.total
    assert config.space(3, config.image_size or 32, 10).layer_limit == config.layer_limit


@pytest.mark.parametrize("name", ["laptop", "first-run"])
def test_the_small_presets_use_the_state_spaces_of_that_name(name):
    space = preset(name)
    assert SearchConfig.of(name).space(space.channels, space.image_size, space.num_classes) == space


def test_variants_of_the_authors_code_reach_the_state_space_and_are_off_by_default():
    given = {
        "conv_padding": "valid",
        "batch_norm": True,
        "initial_pooling": True,
        "consecutive_pooling": True,
    }
    assert SearchConfig.of("paper", max_fc=3, **given).space(3, 32, 10) == StateSpace(max_fc=3, **given)
    assert SearchConfig.of("paper").space(3, 32, 10) == StateSpace()


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


def test_only_where_the_papers_did_are_actions_expected_to_be_worth_half_of_all_images():
    worth = {
        (name, data): SearchConfig.of(name, dataset=data).initial_q
        for name in PRESETS
        for data in ("cifar10", "svhn", "mnist", "cifar100", "photos/")
    }
    assert {case for case, q in worth.items() if q == 0.5} == {
        ("paper", "cifar10"),
        ("paper", "svhn"),
        ("paper", "mnist"),
    }
    assert set(worth.values()) == {0, 0.5}


@pytest.mark.parametrize(("dataset", "preset"), [("digits", "first-run"), ("cifar10", "paper")])
def test_the_preset_follows_from_the_data_set(dataset, preset):
    assert SearchConfig.of(dataset=dataset).preset == preset


@given(st.fixed_dictionaries({}, optional=VALUES), RULES, st.sampled_from(sorted(PRESETS)))
def test_storing_as_json_loses_nothing(changes, rule, name):
    # Older searches by the published criterion, or without stops, have these, too.
    unused = {one: changes.pop(one) for one in OF_STOPPING if one in changes}
    config = replace(SearchConfig.of(name, **changes, **rule), **unused)
    assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_options_of_another_version_are_named():
    stored = {**SearchConfig.of().to_dict(), "momentum": 0.9}
    with pytest.raises(ConfigError, match="momentum"):
        SearchConfig.from_dict(stored)


BAD = [
    *(("audit", value) for value in (-0.1, 1.1, nan)),
    *(("reward", value) for value in ("last", "forecast:")),
    *(("alpha", value) for value in (0, 1.1, nan)),
    *(("gamma", value) for value in (-0.1, 1.1, nan)),
    *(("initial_q", value) for value in (nan, inf)),
    *(("seed", value) for value in (-1, 2**64)),
    *((name, value) for name in ("replays", "epochs") for value in (0, -1, 10**9, 2**70, 5.0, True)),
    *((name, value) for name in ("image_size", "train_limit", "validation_size") for value in (0, 2**63)),
    *(("translate", value) for value in (-1, 10**6)),
    *((name, 2**63) for name in ("batch_size", "attempts", "decay_every")),
    *((name, value) for name in ("learning_rate", "decay_factor") for value in (0, nan, inf, 1e300)),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_answered_with_its_flag_and_itself(name, value):
    with pytest.raises(ConfigError) as error:
        SearchConfig.of("paper", **{name: value})
    assert str(error.value).startswith(f"--{name.replace('_', '-')} is {value!r}; it must be ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "beyond", [{"burn_in": 10**7}, {"svr_settings": 10**12}, {"stopping": "published:n_settings=1e12"}]
)
def test_settings_of_the_published_criterion_have_bounds_however_they_are_given(beyond):
    with pytest.raises(ConfigError, match=r"^--(burn-in|svr-settings) is .* whole number from 1 to 100+$"):
        SearchConfig.of("paper", **{"delta": 0.9, **beyond} if "stopping" not in beyond else beyond)


def test_networks_whose_operations_the_database_could_not_count_are_refused():
    wide = SearchConfig.of("paper", conv_widths=(99_999,), conv_sizes=(255,))
    with pytest.raises(
        ConfigError, match=r"may have .e[+][12][0-9] operations, more than can be counted: make"
    ):
        wide.space(3, 256, 10)


def test_an_unknown_preset_is_quoted_with_what_there_is():
    with pytest.raises(
        ConfigError, match=r"'labtop': presets are paper, laptop, first-run; did you mean 'laptop'\?"
    ):
        SearchConfig.of("labtop")


def test_every_option_has_a_sentence_of_help():
    assert all(field.metadata["help"] for field in fields(SearchConfig))
