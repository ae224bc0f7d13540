import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers import TrainingRecipe
from trainers.loader import Augmentation, ImageLoader, Normalisation, mirrored, translated
from trainers.steps import IGNORED

CPU = torch.device("cpu")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (23, 4, 5, 3), dtype=np.uint8)


def load(images, device=CPU):
    return ImageLoader(images, np.arange(len(images)), Normalisation.of(images), device)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_normalisation_agrees_with_numpy(images):
    measured = Normalisation.of(images)
    assert np.allclose(measured.mean, images.mean((0, 1, 2)), rtol=1e-6)
    assert np.allclose(measured.std, images.std((0, 1, 2)), rtol=1e-6)


def test_batches_are_standardised_per_channel_and_channels_first(images):
    (batch, labels), *rest = load(images).in_order(100)
    assert not rest
    expected = (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
    assert np.allclose(batch.numpy(), expected.transpose(0, 3, 1, 2), atol=1e-5)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert labels.tolist() == list(range(23))


def test_a_constant_channel_becomes_zero_not_nan():
    images = np.full((4, 3, 3, 1), 77, dtype=np.uint8)
    (batch, _), *_ = load(images).in_order(4)
    assert torch.equal(batch, torch.zeros(4, 1, 3, 3))


def test_an_epoch_holds_every_image_once_with_its_label(images):
    loader = load(images)
    (expected, _), *_ = loader.in_order(100)
    batches = list(loader.shuffled(TrainingRecipe(batch_size=5), generator()))
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5, 3]
    order = torch.cat([labels for _, labels in batches])
    assert sorted(order.tolist()) == list(range(23)) != order.tolist()
    assert torch.equal(torch.cat([batch for batch, _ in batches]), expected[order])


def test_the_generator_decides_order_and_augmentation(images):
    recipe = TrainingRecipe(batch_size=23, mirror=True, translate=1)
    first, again, other = (next(load(images).shuffled(recipe, generator(s)))[0] for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_images_that_do_not_fit_stay_on_the_host_and_move_by_batch(images, monkeypatch):
    monkeypatch.setattr("trainers.loader.holds", lambda device, size: False)
    loader = ImageLoader(images, np.arange(23), Normalisation.of(images), torch.device("meta"))
    batch, labels = next(loader.shuffled(TrainingRecipe(batch_size=5, mirror=True, translate=1), generator()))
    assert batch.device.type == labels.device.type == "meta"
    assert batch.shape == (5, 3, 4, 5)
    assert loader._placed.images.device == CPU


def test_images_are_taken_to_the_device_with_the_first_batch(images, monkeypatch):
    """A process that never trains takes none of a GPU's memory."""
    asked = []
    monkeypatch.setattr("trainers.loader.holds", lambda device, size: asked.append(size) or True)
    loader = load(images)
    assert (len(loader), asked) == (23, [])
    next(loader.in_order(5))
    next(loader.shuffled(TrainingRecipe(), generator()))
    assert asked == [images.nbytes]


@pytest.fixture
def equal(images):
    """A loader whose batches all have one size, as on CUDA."""
    loader = load(images)
    loader._equal = True
    return loader


@pytest.mark.parametrize("batch_size", [5, 8, 23, 100])
def test_batches_of_one_size_hold_the_same_images_and_some_to_be_ignored(images, equal, batch_size):
    recipe = TrainingRecipe(batch_size=batch_size, mirror=True, translate=1)
    found, expected = (list(loader.shuffled(recipe, generator())) for loader in (equal, load(images)))
    size = min(batch_size, 23)
    assert [len(labels) for _, labels in found] == [size] * len(expected)
    batch, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    assert torch.equal(batch[:23], torch.cat([images for images, _ in expected]))
    assert torch.equal(labels[:23], torch.cat([labels for _, labels in expected]))
    assert (labels[23:] == IGNORED).all()


def test_a_last_batch_is_filled_up_with_the_first_images_of_the_epoch(equal):
    """Batch normalisation sees them: they must differ as images do."""
    batch = torch.cat([images for images, _ in equal.shuffled(TrainingRecipe(batch_size=8), generator())])
    assert torch.equal(batch[23:], batch[:1])
    batch = torch.cat([images for images, _ in equal.shuffled(TrainingRecipe(batch_size=9), generator())])
    assert torch.equal(batch[23:], batch[:4])


@pytest.mark.parametrize(("most", "sizes"), [(5, [5] * 5), (8, [8] * 3), (12, [12, 12]), (100, [23])])
def test_evaluation_is_in_equal_chunks_with_some_images_to_be_ignored(images, equal, most, sizes):
    found = list(equal.in_order(most))
    assert [len(labels) for _, labels in found] == sizes
    batch, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    (expected, _), *_ = load(images).in_order(100)
    assert torch.equal(batch[:23], expected)
    assert labels[:23].tolist() == list(range(23))
    assert (labels[23:] == IGNORED).all()


@pytest.mark.parametrize("kind", ["cpu", "mps", "cuda"])
def test_only_on_cuda_batches_have_one_size(images, kind):
    assert load(images, torch.device(kind))._equal == (kind == "cuda")


def random_images(count, height=6, width=7, channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, height, width, channels)).astype(np.float32)


def shifted(image, down, right):
    """The closed form, with numpy: pad by more than any shift, then cut out a window."""
    height, width, _ = image.shape
    frame = np.pad(image, ((10, 10), (10, 10), (0, 0)))
    return frame[10 - down : 10 - down + height, 10 - right : 10 - right + width]


@given(st.lists(st.booleans(), min_size=1, max_size=5))
def test_mirroring_reverses_the_columns_of_the_chosen_images(flips):
    images = random_images(len(flips))
    expected = [image[:, ::-1] if flip else image for image, flip in zip(images, flips, strict=True)]
    result = mirrored(torch.from_numpy(images), torch.tensor(flips))
    assert np.array_equal(result.numpy(), np.stack(expected))


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=5))
def test_translation_moves_each_image_and_fills_with_zeros(shifts):
    images = random_images(len(shifts))
    expected = [shifted(image, *shift) for image, shift in zip(images, shifts, strict=True)]
    result = translated(torch.from_numpy(images), torch.tensor(shifts))
    assert np.array_equal(result.numpy(), np.stack(expected))


def test_draws_cover_all_shifts_and_both_sides_evenly():
    drawn = Augmentation.draw(9000, mirror=True, translate=1, generator=torch.Generator().manual_seed(0))
    assert abs(drawn.flips.float().mean() - 0.5) < 0.03
    pairs, counts = torch.unique(drawn.shifts, dim=0, return_counts=True)
    assert pairs.tolist() == [[down, right] for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert counts.min() > 850


def test_a_batch_gets_its_own_part_of_the_draws():
    images = torch.from_numpy(random_images(10))
    drawn = Augmentation.draw(10, mirror=True, translate=2, generator=torch.Generator().manual_seed(3))
    whole = drawn.apply(images, slice(0, 10))
    parts = [drawn.apply(images[part], part) for part in (slice(0, 4), slice(4, 10))]
    assert torch.equal(torch.cat(parts), whole)


def test_nothing_asked_changes_nothing():
    images = torch.from_numpy(random_images(3))
    drawn = Augmentation.draw(3, mirror=False, translate=0, generator=torch.Generator())
    assert torch.equal(drawn.apply(images, slice(0, 3)), images)


def test_a_training_epoch_is_augmented_and_images_in_order_are_not(images):
    (plain, _), *_ = load(images).in_order(100)
    batches = list(load(images).shuffled(TrainingRecipe(batch_size=5, mirror=True), generator()))
    order = torch.cat([labels for _, labels in batches])
    found = torch.cat([batch for batch, _ in batches])
    as_it_is, turned = ((found == expected[order]).flatten(1).all(1) for expected in (plain, plain.flip(3)))
    assert (as_it_is ^ turned).all()
    assert as_it_is.any()
    assert turned.any()
