"""Putting a search together: what is taken from where, and what is refused before anything is written."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from metaqnn.config.environment import Circumstances
from metaqnn.config.search import ConfigError, SearchConfig
from metaqnn.session.run_folder import RunFolder, RunFolderError
from metaqnn.session.start import begin, check_same, go_on, prepare, stopping_rule
from predictor import EarlyStopper, NoStopping, PredictorError
from predictor.rules.envelope import RankEnvelope
from predictor.rules.optuna import OptunaRule
from predictor.rules.reward import LastSeen, ModelForecaster

QUICK = {"train_limit": 60, "validation_size": 20}


@pytest.fixture
def folder(tmp_path):
    """A run folder with a search of digits that has just begun."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    begin(prepare(SearchConfig.of(**QUICK), Circumstances(device="cpu", threads=1)), folder)
    return folder


def test_circumstances_change_where_a_change_is_given():
    before = Circumstances(data_dir="/data", device="cuda", download=False)
    after = before.but(device="cpu", data_dir=None, threads=2, download=None)
    assert after == Circumstances(data_dir="/data", device="cpu", threads=2, download=False)


def test_the_state_space_fits_the_images():
    prepared = prepare(SearchConfig.of(**QUICK), Circumstances())
    assert prepared.space.input_shape == prepared.dataset.input_shape == (1, 8, 8)
    assert prepared.space.num_classes == 10
    assert len(prepared.dataset.train_images) == 60


@pytest.mark.parametrize(("limit", "expected"), [(60, 6), (None, 143)])
def test_a_tenth_of_the_training_images_validate(limit, expected):
    config = SearchConfig.of("paper", dataset="digits", train_limit=limit)
    prepared = prepare(config, Circumstances())
    assert prepared.config.validation_size == expected
    assert len(prepared.dataset.train_images) // 10 == expected


def test_the_recipe_is_that_of_the_configuration():
    changes = {"epochs": 3, "batch_size": 7, "learning_rate": 0.5, "attempts": 2, "mirror": True}
    changes |= {"decay_factor": 0.3, "decay_every": 2, "translate": 1}
    recipe = prepare(SearchConfig.of(**QUICK, **changes), Circumstances()).trainer.recipe
    assert {name: getattr(recipe, name) for name in changes} == changes


@pytest.mark.parametrize("given", [1, 2])
def test_threads_are_taken_as_given(given):
    assert prepare(SearchConfig.of(**QUICK), Circumstances(threads=given)).trainer.threads == given


@pytest.mark.parametrize("threads", [0, -1])
def test_a_bad_number_of_threads_is_quoted(threads):
    with pytest.raises(ValueError, match=f"threads must be at least 1, not {threads}"):
        prepare(SearchConfig.of(**QUICK), Circumstances(threads=threads))


def test_small_networks_get_one_thread():
    assert prepare(SearchConfig.of(**QUICK), Circumstances()).trainer.threads == 1


def test_the_rule_is_that_of_the_configuration():
    rule = stopping_rule(SearchConfig.of(delta=0.9, tolerance=0.01, nth_best=3, burn_in=20, refit_growth=2))
    assert isinstance(rule, EarlyStopper)
    assert (rule.Delta, rule.tolerance, rule.nth_best, rule.burn_in, rule.refit_growth) == (
        0.9,
        0.01,
        3,
        20,
        2,
    )


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


@pytest.mark.parametrize("text", ["rank-envelop", "rank-envelope:d=1", "median:x=1"])
def test_a_rule_that_there_is_not_is_named_before_the_images_are_loaded(text):
    with pytest.raises(PredictorError, match=text.partition(":")[0]):
        prepare(SearchConfig.of(dataset="nowhere/", stopping=text), Circumstances())


def test_a_search_goes_on_as_it_began(folder):
    session = go_on(folder, {}, {"device": None})
    assert session.config == replace(SearchConfig.of(**QUICK))
    assert session.trainer.device.type == "cpu"
    assert session.prepared.training_images == 40
    assert session.search.trained == 0


def test_it_may_be_given_the_same_options_again(folder):
    go_on(folder, vars(SearchConfig.of(**QUICK)), {})


def test_another_data_set_under_the_same_name_is_refused(folder):
    with closing(sqlite3.connect(folder.database)) as connection, connection:
        connection.execute("UPDATE searches SET data_fingerprint = ?", ("0" * 64,))
    with pytest.raises(
        RunFolderError, match=r"'digits' is not the one this search began with.*000000000000$"
    ):
        go_on(folder, {}, {})


STORED = SearchConfig.of("paper", dataset="cifar10", train_limit=400, validation_size=40)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "--seed is 0 there and 1 here"),
        ({"train_limit": None}, "--train-limit is 400 there and None here"),
        ({"validation_size": 50}, "--validation-size is 40 there and 50 here"),
        ({"audit": 0.5}, "--audit is 0.02 there and 0.5 here"),
        ({"stopping": "none"}, "--stopping is rank-envelope there and none here"),
    ],
)
def test_an_option_that_differs_is_named(tmp_path, changes, named):
    given = vars(replace(STORED, **changes))
    with pytest.raises(ConfigError, match=rf"{tmp_path}.* holds another search: {named}$"):
        check_same(RunFolder(tmp_path), STORED, given)


def test_the_default_validation_size_is_no_difference(tmp_path):
    check_same(RunFolder(tmp_path), STORED, vars(replace(STORED, validation_size=None)))


def test_only_what_was_given_is_compared(tmp_path):
    check_same(RunFolder(tmp_path), STORED, {"dataset": "cifar10"})
