"""Searches, tunings and single trainings see the same images for the same options."""

from dataclasses import replace

import numpy as np
import pytest

from metaqnn.config.environment import Environment
from metaqnn.config.search import SearchConfig
from metaqnn.session.images import notes_on, split
from metaqnn.session.preparation import load_and_build
from metaqnn.tune.preparation import prepare_tuning
from metaqnn.tune.settings import TuneSettings
from trainers import DatasetError

HERE = Environment(device="cpu", threads=1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"seed": 3},
        {"own_validation": False, "validation_size": 5},
        {"validation_size": 4, "train_limit": 12},
    ],
)
def test_a_tuning_trains_and_validates_on_the_images_of_a_search(photos, options):
    given = {"dataset": str(photos(train=10, val=3, test=2)), "image_size": 8, **options}
    config = SearchConfig.of("laptop", **given)
    settings = TuneSettings.of({"family": "[C(4,3,1), SM(2)]", "preset": "laptop", "epochs": 2, **given})
    search, tuning = load_and_build(config, HERE), prepare_tuning(settings, HERE)
    for name in ("own_validation", "validation_size"):
        assert getattr(tuning.settings, name) == getattr(search.config, name)
    parts = zip(split(search.config, search.dataset), split(tuning.settings, tuning.data), strict=True)
    for (images, labels), (same, those) in parts:
        assert np.array_equal(images, same)
        assert np.array_equal(labels, those)


def test_copies_that_are_held_out_and_trained_on_are_told(tmp_path):
    """Random labels, every image twice: whoever remembers the training images is right on the others."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (300, 8, 8), dtype=np.uint8), rng.integers(0, 2, 300)
    np.savez(tmp_path / "twice.npz", x_train=np.tile(images, (2, 1, 1)), y_train=np.tile(labels, 2))
    prepared = load_and_build(SearchConfig.of("laptop", dataset=str(tmp_path / "twice.npz")), HERE)
    (training, _), (validation, _) = split(prepared.config, prepared.dataset)
    copies = sum((training == image).all(axis=(1, 2, 3)).any() for image in validation)
    (note,) = notes_on(prepared.config, prepared.dataset)
    assert copies > 75
    assert note.startswith(f"{copies} of 150 validation images, drawn from those for training, have a copy")


def test_equal_images_of_different_classes_are_told(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    images[1] = images[0]
    given = {"x_val": images[:1], "y_val": [0]}
    np.savez(tmp_path / "x.npz", x_train=images, y_train=np.arange(40) % 2, **given)
    prepared = load_and_build(SearchConfig.of("laptop", dataset=str(tmp_path / "x.npz")), HERE)
    assert notes_on(prepared.config, prepared.dataset)[-1] == (
        "3 training and validation images are the same as one of another class"
    )


@pytest.mark.parametrize(("limit", "size"), [(1000, 250), (100, 25), (None, 300)])
def test_a_default_holds_out_a_quarter_at_most_of_known_data_sets_too(limit, size):
    config = SearchConfig.of("first-run", dataset="digits", train_limit=limit)
    assert load_and_build(config, HERE).config.validation_size == size


def test_image_files_that_are_too_large_are_left_out_of_both(photos):
    given = {"dataset": str(photos(train=10)), "image_size": 8, "max_pixels": 63}
    settings = TuneSettings.of({"family": "[C(4,3,1), SM(2)]", **given})
    for prepare, options in ((load_and_build, SearchConfig.of(**given)), (prepare_tuning, settings)):
        with pytest.raises(DatasetError, match="8x8 pixels, at most 63"):
            prepare(options, HERE)


def test_the_extra_images_are_asked_for_in_a_tuning_too():
    settings = TuneSettings.of({"family": "convnet", "dataset": "digits", "svhn_extra": True})
    with pytest.raises(DatasetError, match="'digits' has no extra set; svhn has one"):
        prepare_tuning(settings, HERE)


def test_notes_and_numbers_are_those_of_the_data(photos):
    given = {"family": "[C(4,3,1), SM(2)]", "dataset": str(photos(train=10, val=3, test=2)), "image_size": 8}
    prepared = prepare_tuning(TuneSettings.of(given), HERE)
    assert prepared.numbers == {"training": 20, "validation": 6, "test": 4}


def test_a_number_to_hold_out_counts_where_a_function_returns_validation_images_unasked(
    tmp_path, monkeypatch, photos
):
    dataset = f"load_dataset({str(photos(train=10, val=3))!r}, image_size=8, own_validation=True)"
    (tmp_path / "own_images.py").write_text(
        f"from trainers import load_dataset\n\n\ndef images():\n    return {dataset}\n"
    )
    monkeypatch.chdir(tmp_path)
    config = SearchConfig.of("first-run", dataset="own_images:images")
    assert load_and_build(config, HERE).config.own_validation
    prepared = load_and_build(replace(config, validation_size=4), HERE)
    assert (prepared.config.own_validation, prepared.config.validation_size) == (False, 4)
    assert [len(labels) for labels in prepared.labels.values()] == [16, 4]
