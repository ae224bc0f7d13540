import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.augmentation import Augmentation, mirrored, translated


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
