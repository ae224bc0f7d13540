"""Image files classified: what the trainers' network says of the pixels that a training would see."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from metaqnn.export import ExportError
from metaqnn.export.classifier import BATCH, ImageClassifier
from metaqnn.export.formats import load_source
from metaqnn.export.source import model_source
from trainers.datasets import members
from trainers.datasets.decoding import UPPER_BYTE

RGB, GREY = (3, 9, 9), (1, 9, 9)


def written(folder, images):
    """The images as PNG files, with their sizes."""
    for number, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / f"{number:03}.png")
    return [(path, path.stat().st_size) for path in sorted(folder.glob("*.png"))]


@pytest.mark.parametrize("kind", ["channels", "global-contrast"])
@pytest.mark.parametrize("shape", [RGB, GREY])
def test_probabilities_are_the_softmax_of_the_trainers_logits(
    make_random, reference, tmp_path, monkeypatch, shape, kind
):
    monkeypatch.setattr("metaqnn.export.classifier.BATCH", 16)  # 40 images: two whole batches and a part
    exportable = make_random(input_shape=shape, kind=kind)
    files = written(tmp_path, exportable.evidence.images)
    heard = []
    found = list(ImageClassifier.of(exportable).classify(files, heard=heard.append))
    logits = reference(exportable.network, exportable.normalisation, exportable.evidence.images)
    assert [one.file for one in found] == [str(path) for path, _ in files]
    assert heard == [16, 16, 8]
    expected = torch.softmax(logits.double(), 1).numpy()
    np.testing.assert_allclose([one.probabilities for one in found], expected, atol=1e-6)
    assert expected.std() > 0.01


@pytest.mark.parametrize("shape", [RGB, GREY])
def test_other_files_are_opened_as_an_export_opens_them(make_random, tmp_path, shape):
    """16-bit grey, transparency, a photo held upright, another size: `model.read_image` of an export."""
    rng = np.random.default_rng(0)
    exportable = make_random(input_shape=shape)
    exportable = replace(exportable, card=replace(exportable.card, levels=(255 / 4000, -10.0)))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rng.integers(200, 4000, (12, 12)).astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(rng.integers(0, 256, (9, 9, 4), dtype=np.uint8)).save(tmp_path / "clear.png")
    Image.fromarray(rng.integers(0, 256, (30, 20, 3), dtype=np.uint8)).save(tmp_path / "held.jpg", exif=exif)
    (tmp_path / "model.py").write_text(model_source(exportable.card))
    opened = load_source(tmp_path).read_image
    files = [(tmp_path / name, 0) for name in ("deep.png", "clear.png", "held.jpg")]
    classifier = ImageClassifier.of(exportable)
    for path, _ in files:
        expected = (opened(path)[0].permute(1, 2, 0) * 255).round().byte().numpy()
        np.testing.assert_array_equal(classifier._pixels(path, 0, 2**20), expected)
    grey = ["2 files in colour, made grey"] if shape == GREY else []
    assert [line.partition(",")[0] for line in classifier.notes.lines()] == [
        line.partition(",")[0] for line in grey
    ]


@pytest.mark.parametrize(
    ("levels", "highest", "told"),
    [
        (UPPER_BYTE, 255, True),  # 8-bit values in 16 bits, where the training images had 8 or used 16
        (UPPER_BYTE, 65535, False),
        ((1 / 16, 0.0), 4095, False),
        ((1 / 16, 0.0), 65535, True),  # white: the training images were of 12 bits
    ],
)
def test_images_of_another_range_than_the_training_images_are_told(
    make_random, tmp_path, levels, highest, told
):
    exportable = make_random(input_shape=GREY)
    exportable = replace(exportable, card=replace(exportable.card, levels=levels))
    deep = np.linspace(0, highest, 81).astype(np.uint16)
    classifier = ImageClassifier.of(exportable)
    list(classifier.classify(written(tmp_path, [deep.reshape(9, 9)])))
    lines = classifier.notes.lines()
    assert any("their values have another range than the training images" in line for line in lines) == told


def test_what_is_no_image_is_left_out_and_counted(make_random, tmp_path):
    files = written(tmp_path, make_random().evidence.images[:2])
    for name, data in {"a.txt": b"text", "b.jpg": b"no image", "c.jpg": b"", "large.png": None}.items():
        path = tmp_path / name
        path.write_bytes(data) if data is not None else Image.new("RGB", (40, 40)).save(path)
        files.insert(1, (path, path.stat().st_size))
    files.append((tmp_path / "gone.png", 1))
    classifier = ImageClassifier.of(make_random())
    found = list(classifier.classify(files, max_pixels=1000))
    assert [one.file for one in found] == [str(files[0][0]), str(files[-2][0])]
    lines = "\n".join(classifier.notes.lines())
    assert f"1 file left out, not images: '{tmp_path / 'a.txt'}'" in lines
    assert "2 files left out, unreadable: it is broken: '" in lines
    assert "1 file left out, unreadable: it is too large (--max-pixels): '" in lines
    assert (
        f"1 file left out, unreadable: it is too large or may not be read: '{tmp_path / 'gone.png'}'" in lines
    )
    assert classifier.unreadable.startswith(f"image '{tmp_path / 'large.png'}' is too large: 40x40 pixels")


def test_a_file_of_too_many_bytes_is_left_out_with_that_reason(make_random, tmp_path, monkeypatch):
    monkeypatch.setattr(members, "MAX_FILE_BYTES", 20)
    classifier = ImageClassifier.of(make_random())
    (file,) = written(tmp_path, make_random().evidence.images[:1])
    assert list(classifier.classify([file])) == []
    assert classifier.notes.lines() == (f"1 file left out, unreadable: it is too large: {str(file[0])!r}",)
    assert classifier.unreadable.startswith(f"image {str(file[0])!r} is too large: {file[1]} bytes, at")


def test_a_network_for_other_than_grey_and_rgb_images_is_refused(make_random):
    with pytest.raises(ExportError, match="takes images of 2 channels; image files have 1 or 3"):
        ImageClassifier.of(make_random(input_shape=(2, 9, 9)))


def test_a_batch_is_not_too_large_for_the_memory():
    assert BATCH * 3 * 512**2 < 2**28
