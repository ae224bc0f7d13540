"""Settings that do not go together are refused in one line that names the option."""

import pytest

from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from metaqnn.tune import TuneError
from metaqnn.tune.settings import TuneSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampler": "randm"}, "--sampler is 'randm'; it must be tpe or random; did you mean 'random'?"),
        ({"epochs": 0}, "--epochs is 0; it must be a whole number from 1 to 10000"),
        ({"seed": -1}, "--seed is -1; it must be a whole number from 0"),
        ({"image_size": 0}, "--image-size is 0; it must be a whole number from 1 to 1024"),
        ({"max_pixels": 0}, "--max-pixels is 0; it must be a whole number from 1"),
        ({"delta": 0.0, "stopping": None}, "--delta is 0.0; it must be a number above 0 and at most 1"),
        ({"delta": float("nan"), "stopping": None}, "--delta is nan"),
        ({"delta": 0.9}, "--stopping none names one rule, --delta another"),
        ({"hyperband": True}, "--stopping none names one rule, --hyperband another"),
        ({"hyperband": True, "stopping": None, "epochs": 2}, "--hyperband does not fit --epochs 2"),
        ({"hyperband": True, "stopping": None, "min_epochs": 3}, "at least 9, --min-epochs 3 times --eta 3"),
        ({"kappa": 0.5}, "--kappa is 0.5, but it belongs to --hyperband with --delta"),
        ({"hyperband": True, "stopping": None, "kappa": 0.5}, "--kappa is 0.5, but it belongs"),
        ({"delta": 0.9, "stopping": None, "kappa": 0.5}, "--kappa is 0.5, but it belongs"),
        ({"stopping": None, "burn_in": 5}, "--burn-in is 5, but it belongs to --delta"),
        ({"eta": 2}, "--eta is 2, but it belongs to --hyperband"),
        ({"min_epochs": 2}, "--min-epochs is 2, but it belongs to --hyperband"),
        ({"burn_in": 2}, "--burn-in is 2; it must be a whole number from 3 to 1000000"),
        ({"eta": 1}, "--eta is 1; it must be a whole number from 2 to 10000"),
        ({"family": "lstm", "dataset": "ptb", "image_size": 8}, "--image-size is for images, but 'lstm'"),
        ({"family": "lstm", "dataset": "ptb", "max_pixels": 9}, "--max-pixels is for images"),
        ({"family": "lstm", "dataset": "ptb", "svhn_extra": True}, "--svhn-extra is for images"),
    ],
)
def test_bad_settings_are_refused(changes, message, settings):
    with pytest.raises((ConfigError, TuneError)) as error:
        settings(**changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_one_rung_is_enough_for_hyperband(settings):
    assert settings(hyperband=True, stopping=None, epochs=6, eta=3, min_epochs=2).epochs == 6


def test_options_for_images_that_are_off_are_as_good_as_not_given_for_a_text():
    given = {"family": "lstm", "dataset": "ptb", "mirror": False, "translate": 0, "image_size": None}
    assert TuneSettings.of(given) == TuneSettings.of({"family": "lstm", "dataset": "ptb"})


def test_what_is_not_given_is_as_in_the_preset():
    found = TuneSettings.of({"family": "resnet", "dataset": "cifar10", "preset": "laptop"})
    family = found.make_family()
    assert (found.epochs, found.image_size) == (family.epochs, family.image_size)
    assert TuneSettings.of({"family": "resnet", "dataset": "cifar10"}).epochs == 140


@pytest.mark.parametrize("dataset", ["cifar10", "svhn", "digits", "photos/"])
def test_a_network_sees_mirrored_images_where_a_search_shows_them(dataset):
    search = SearchConfig.of(dataset=dataset)
    network = TuneSettings.of({"family": "[C(4,3,1), SM(10)]", "dataset": dataset})
    assert network.mirror == search.mirror
    assert not TuneSettings.of({"family": "resnet", "dataset": dataset}).mirror


def test_other_settings_are_told_by_their_options(settings):
    first = settings()
    first.check_same({"epochs": first.epochs, "sampler": "tpe"})
    with pytest.raises(TuneError, match="another tuning: --epochs is 6 there and 9 here; --seed is 0 there"):
        first.check_same({"epochs": 9, "seed": 1})


@pytest.mark.parametrize(
    ("stored", "given"),
    [(None, "rank-envelope"), ("rank-envelope:c=3", "rank-envelope:c=3.0"), ("none", "none")],
)
def test_a_rule_may_be_named_again_in_other_words(settings, stored, given):
    settings(stopping=stored).check_same({"stopping": given})


@pytest.mark.parametrize("other", [{"delta": 0.9}, {"hyperband": True}])
def test_another_rule_is_refused(settings, other):
    with pytest.raises(TuneError, match="--stopping is None there and rank-envelope here"):
        settings(stopping=None, **other).check_same({"stopping": "rank-envelope"})
    with pytest.raises(TuneError, match="--stopping is None there and median here"):
        settings(stopping=None).check_same({"stopping": "median"})
