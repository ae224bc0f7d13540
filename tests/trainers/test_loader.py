import numpy as np
import pytest
import torch

from trainers import TrainingRecipe
from trainers.loader import ImageLoader, Normalisation
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
    """As on CUDA, here."""
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
