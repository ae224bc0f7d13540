"""The record of a search tells what guessing reaches on the validation images."""

from dataclasses import replace

import pytest

from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from metaqnn.database import SearchRecord

IMAGES = {"train": {"a": 151, "b": 40, "c": 25}, "test": {}}


def record(images=IMAGES, **changes):
    config = SearchConfig.of("laptop", validation_size=54, own_validation=False, **changes)
    return SearchRecord(config, (1, 8, 8), 3, "0" * 64, {}, {}, images)


def row(images):
    shape = {"channels": 1, "image_size": 8, "num_classes": 3}
    other = {"data_fingerprint": "0" * 64, "versions": {}, "circumstances": {}, "images": images}
    return {"config": SearchConfig.of("laptop").to_dict(), **shape, **other}


def test_a_guess_is_measured_on_the_images_that_validate_and_not_on_those_for_training():
    assert record().guess == 38 / 54 > 151 / 216
    own = replace(record().config, own_validation=True)
    theirs = replace(record({**IMAGES, "validation": {"a": 1, "b": 9, "c": 0}}), config=own)
    assert theirs.guess == 0.9


def test_searches_that_stored_no_numbers_of_images_know_of_no_guess():
    assert (record(None).guess, record(None).guess_limit, record({"train": {}}).guess) == (None, None, None)
    assert record({"train": {"a": 7, "b": 9}}).guess is None  # of these, 54 were never drawn


@pytest.mark.parametrize("metric", ["accuracy", "balanced-accuracy"])
def test_what_guessing_hardly_reaches_is_above_the_guess(metric):
    assert record(metric=metric).guess < record(metric=metric).guess_limit < 1


@pytest.mark.parametrize(
    "images",
    [
        [1],
        7,
        "x",
        {"train": 3},
        {"train": {"a": -1}},
        {"train": {"a": "x"}},
        {"train": {"a": 1e9}},
        {"train": {"a": 10**18}},
        {"train": {"a": True}},
    ],
    ids=str,
)
def test_numbers_of_images_that_are_none_are_quoted(images):
    with pytest.raises(ConfigError, match=r"stored numbers of images are .*; expected a whole number from 0"):
        SearchRecord.of(row(images))


def test_stored_numbers_of_images_are_read():
    assert SearchRecord.of(row(IMAGES)).images == IMAGES
    assert SearchRecord.of(row(None)).images is None
