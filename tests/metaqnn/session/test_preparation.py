"""Which images validate, and how many, according to the folder, the preset, and what was stored."""

from dataclasses import fields, replace

import numpy as np
import pytest

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from metaqnn.session.images import split
from metaqnn.session.preparation import OtherImagesError, load_and_build, require_same_images
from metaqnn.session.run_folder import RunFolder
from metaqnn.session.start import begin, resume
from metaqnn.tune.found import of_search
from trainers import DatasetError, TrainingRecipe

HERE = Environment(device="cpu", threads=1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def config_of(folder, preset="first-run", **changes):
    return SearchConfig.of(preset, dataset=str(folder), image_size=8, **changes)


def test_a_search_sets_these_fields_of_the_training_recipe():
    common = {one.name for one in fields(TrainingRecipe)} & {one.name for one in fields(SearchConfig)}
    rates = {"learning_rate", "decay_factor", "decay_every"}
    assert common == {"epochs", "batch_size", "attempts", "mirror", "translate"} | rates


def test_a_folders_own_val_validates(photos):
    prepared = load_and_build(config_of(photos(train=10, val=3, test=2)), HERE)
    assert (prepared.config.own_validation, prepared.config.validation_size) == (True, 6)
    assert prepared.training_images == len(prepared.dataset.train_images) == 20
    assert np.bincount(prepared.labels["validation"]).tolist() == [3, 3]
    (training, _), (validation, _) = split(prepared.config, prepared.dataset)
    assert np.array_equal(training, prepared.dataset.train_images)
    assert np.array_equal(validation, prepared.dataset.validation_images)
    assert len(prepared.dataset.test_images) == 4


@pytest.mark.parametrize("changes", [{"validation_size": 4}, {"own_validation": False}])
def test_other_validation_images_can_be_asked_for(photos, changes):
    prepared = load_and_build(config_of(photos(train=10, val=3), **{"validation_size": 5, **changes}), HERE)
    assert prepared.config.own_validation is False
    assert prepared.config.validation_size == changes.get("validation_size", 5)
    assert prepared.dataset.counts["test"] == {"cat": 3, "dog": 3}  # val/ is the test set, as ever


def test_the_validation_set_of_an_npz_file_validates(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 255, (30, 8, 8), dtype=np.uint8), np.arange(30) % 2
    np.savez(
        tmp_path / "own.npz", x_train=images[:20], y_train=labels[:20], x_val=images[20:], y_val=labels[20:]
    )
    prepared = load_and_build(config_of(tmp_path / "own.npz"), HERE)
    assert (prepared.config.own_validation, prepared.config.validation_size) == (True, 10)
    assert np.array_equal(prepared.dataset.validation_images[..., 0], images[20:])
    assert prepared.dataset.notes == ("images in 'x_val' validate",)
    asked = load_and_build(config_of(tmp_path / "own.npz", validation_size=4), HERE)
    assert (asked.config.own_validation, asked.training_images) == (False, 16)
    assert asked.dataset.notes == ("images in 'x_val' are not used",)


@pytest.mark.parametrize(
    "ask",
    [
        lambda given: SearchConfig.of("laptop", **given),
        lambda given: of_search({"family": "convnet", **given}, HERE, None, False),
    ],
    ids=["search", "tuning"],
)
def test_a_number_to_hold_out_contradicts_own_validation(ask):
    with pytest.raises(ConfigError, match=r"^--validation-size 5 holds .* --own-validation none: give one"):
        ask({"validation_size": 5, "own_validation": True})


def test_own_validation_without_any_is_refused(photos):
    with pytest.raises(
        DatasetError, match=r"has neither a folder val/ with images nor x_val, for --own-validation"
    ):
        load_and_build(config_of(photos(train=4, test=1), own_validation=True), HERE)


@pytest.mark.parametrize("preset", ["first-run", "laptop"])
def test_the_presets_validation_size_shrinks_to_a_quarter_of_own_images(photos, preset):
    assert load_and_build(config_of(photos(train=10), preset), HERE).config.validation_size == 5


def test_a_size_that_is_asked_for_does_not_shrink(photos):
    with pytest.raises(DatasetError, match=r"validation size 19 is not possible.*--validation-size 1\.\.18"):
        load_and_build(config_of(photos(train=10), validation_size=19), HERE)


def test_the_presets_own_number_is_as_good_as_any_other_that_is_asked_for(tmp_path):
    images, labels = np.zeros((800, 8, 8), dtype=np.uint8), np.arange(800) % 2
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels, x_val=images[:9], y_val=labels[:9])
    asked = load_and_build(config_of(tmp_path / "own.npz", validation_size=300), HERE)
    assert (asked.config.own_validation, asked.config.validation_size) == (False, 300)


def test_digits_keep_the_validation_images_that_they_had():
    assert load_and_build(SearchConfig.of(), HERE).config.validation_size == 300


def test_a_search_that_was_stored_before_there_was_a_choice_keeps_its_images(photos):
    """It used val/ as its test set, and the preset's number of validation images, however large."""
    folder = photos(train=10, val=3)
    stored = config_of(folder, validation_size=9).to_dict()
    del stored["own_validation"], stored["max_pixels"]
    config = SearchConfig.from_dict(stored)
    assert config.own_validation is False
    prepared = load_and_build(replace(config, preset="first-run"), HERE)
    assert prepared.config.validation_size == 9
    assert prepared.dataset.counts["test"] == {"cat": 3, "dog": 3}
    assert prepared.training_images == 11


def test_a_search_with_validation_images_of_its_own_goes_on(photos, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    began = load_and_build(config_of(photos(train=10, val=3)), HERE)
    begin(began, folder).database.close()
    session = resume(folder, {"own_validation": None}, {})
    assert session.config == began.config
    assert session.prepared.dataset.fingerprint == began.dataset.fingerprint
    session.database.close()


def test_balanced_accuracy_is_what_the_trainer_measures_and_trains_for(photos):
    prepared = load_and_build(config_of(photos(train=10), metric="balanced-accuracy"), HERE)
    assert prepared.trainer.metric.name == "balanced-accuracy"
    assert prepared.trainer.chance.level == prepared.record.guess == 0.5


def test_test_images_may_be_added_where_a_search_had_none_and_nothing_else_may_change(photos):
    folder = photos(train=10)
    record = load_and_build(config_of(folder), HERE).record
    photos(test=2)
    added = load_and_build(config_of(folder), HERE).dataset
    assert len(added.test_images) == 4
    require_same_images(record, added)
    other = replace(added, train_images=255 - added.train_images)
    with pytest.raises(OtherImagesError, match="as many images of each class as before"):
        require_same_images(record, other)


def test_test_images_that_a_search_had_may_not_change(photos):
    prepared = load_and_build(config_of(photos(train=10, test=2)), HERE)
    dataset = prepared.dataset
    changes = ({"test_images": 255 - dataset.test_images}, without_test_images(dataset))
    for other in (replace(dataset, **changes[0]), changes[1]):
        with pytest.raises(OtherImagesError, match="is not the one this search began with"):
            require_same_images(prepared.record, other)


def without_test_images(dataset):
    return replace(dataset, test_images=dataset.test_images[:0], test_labels=dataset.test_labels[:0])
