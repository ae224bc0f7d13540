import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers import ImageDataset
from trainers.datasets import DatasetError, split_validation, stratified_subset, training_and_validation

class_counts = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def labels_of(counts, seed=0):
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(labels)


def test_of_50_000_images_every_class_gives_500_for_validation():
    labels = labels_of([5000] * 10)
    train, validation = split_validation(labels, 5000, seed=3)
    assert np.bincount(labels[validation]).tolist() == [500] * 10
    assert np.bincount(labels[train]).tolist() == [4500] * 10


def test_largest_remainder_by_hand():
    # 10 of 70+20+17=107: quotas 6.54, 1.87, 1.59; floors 6, 1, 1; the two largest remainders are .87 and .59.
    labels = labels_of([70, 20, 17])
    _, validation = split_validation(labels, 10, seed=0)
    assert np.bincount(labels[validation]).tolist() == [6, 2, 2]


@given(class_counts, st.data())
def test_split_is_a_stratified_partition(counts, data):
    labels = labels_of(counts)
    room = len(labels) - len(counts)
    if room < 1:
        return
    size = data.draw(st.integers(1, room))
    train, validation = split_validation(labels, size, seed=data.draw(st.integers(0, 99)))
    assert len(validation) == size
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    kept = np.bincount(labels[train], minlength=len(counts))
    assert (kept >= 1).all()
    share = np.bincount(labels[validation], minlength=len(counts))
    exact = np.array(counts) * size / len(labels)
    if (np.ceil(exact) < counts).all():  # else the rule that a class keeps an image wins
        assert (np.abs(share - exact) < 1).all()


def test_draw_depends_on_the_seed_alone():
    labels = labels_of([50, 50])
    first, again = (split_validation(labels, 20, seed=1)[1] for _ in range(2))
    np.random.seed(5)  # the global state must not matter
    later = split_validation(labels, 20, seed=1)[1]
    assert np.array_equal(first, again)
    assert np.array_equal(first, later)
    assert not np.array_equal(first, split_validation(labels, 20, seed=2)[1])


def test_every_image_can_be_drawn():
    labels = labels_of([6, 6])
    drawn = np.concatenate([split_validation(labels, 4, seed)[1] for seed in range(60)])
    assert set(drawn) == set(range(12))


def test_labels_need_not_be_consecutive():
    _, validation = split_validation(np.array([7, 7, 7, 3, 3, 3]), 2, seed=0)
    assert len(validation) == 2


@pytest.mark.parametrize("size", [-1, 0, 9, 10, 11])
def test_impossible_size_is_quoted(size):
    with pytest.raises(DatasetError, match=rf"validation size {size} is not .*so --validation-size 1\.\.8"):
        split_validation(labels_of([5, 5]), size, seed=0)


@pytest.mark.parametrize("counts", [[1, 1, 1], [1, 1]])
def test_too_few_images_for_any_size_are_told_and_no_size_is_advised(counts):
    n = len(counts)
    with pytest.raises(DatasetError) as caught:
        split_validation(labels_of(counts), 1, seed=0)
    assert str(caught.value) == (
        f"too few images to validate on some of them: {n} of {n} classes; at least {n + 1} are needed, or "
        "validation images, in val/ or x_val"
    )
    split_validation(labels_of([*counts[1:], 2]), 1, seed=0)  # one more is enough


def test_negative_seed_is_quoted():
    with pytest.raises(DatasetError, match="seed -4 is negative"):
        split_validation(labels_of([5, 5]), 2, seed=-4)


def test_subset_keeps_proportions_and_all_when_large():
    labels = labels_of([60, 30, 10])
    kept = stratified_subset(labels, 20, seed=0)
    assert np.bincount(labels[kept]).tolist() == [12, 6, 2]
    assert len(stratified_subset(labels, 100, seed=0)) == 100
    assert len(stratified_subset(labels, 1000, seed=0)) == 100


@given(class_counts.filter(lambda counts: sum(counts) > len(counts)), st.data())
def test_subset_has_the_asked_size_and_every_class(counts, data):
    labels = labels_of(counts)
    size = data.draw(st.integers(len(counts), len(labels)))
    kept = stratified_subset(labels, size, seed=0)
    assert len(np.unique(kept)) == size
    assert len(np.unique(labels[kept])) == len(counts)


def test_subset_smaller_than_the_classes_is_refused():
    with pytest.raises(DatasetError, match="limit 2 is too small: 3 classes"):
        stratified_subset(labels_of([5, 5, 5]), 2, seed=0)


NUMBERED = np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1)
"""Each image is its own number, and its class is that number modulo 3."""


def numbered(*own):
    nothing = NUMBERED[:0], np.zeros(0, np.int64)
    return ImageDataset("numbered", NUMBERED, np.arange(60) % 3, *nothing, ("a", "b", "c"), *own)


def test_no_image_is_trained_on_and_validates_and_each_keeps_its_label():
    parts = training_and_validation(numbered(), 15, seed=4)
    assert [len(images) for images, _ in parts] == [45, 15]
    assert sorted(np.concatenate([images for images, _ in parts]).ravel()) == list(range(60))
    for images, labels in parts:
        assert labels.tolist() == (images.ravel() % 3).tolist()


def test_a_size_draws_from_the_training_images_although_others_validate():
    dataset = numbered(np.full((6, 1, 1, 1), 255, np.uint8), np.arange(6) % 3)
    assert training_and_validation(dataset, None, 0)[1][0] is dataset.validation_images
    assert 255 not in training_and_validation(dataset, 15, 0)[1][0]
