"""`model.py` opens image files as the data set was read, whatever they hold."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from metaqnn.export import ExportError, export_network
from metaqnn.export.formats import FORMATS, load_source
from metaqnn.export.image_files import ImageFiles
from trainers import load_dataset


def icon(rng):
    """Black on transparent."""
    rgba = np.zeros((9, 9, 4), dtype=np.uint8)
    rgba[..., 3] = rng.integers(0, 256, (9, 9))
    return Image.fromarray(rgba)


def twelve_bits(rng):
    return Image.fromarray(rng.integers(0, 4096, (9, 9), dtype=np.uint16))


def photo(rng):
    """On its side, and larger than the network's images."""
    return Image.fromarray(rng.integers(0, 256, (14, 11, 3), dtype=np.uint8))


def palette(rng):
    return Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).quantize(16)


KINDS = {"icon": (icon, 3), "twelve bits": (twelve_bits, 1), "photo": (photo, 3), "palette": (palette, 3)}


@pytest.fixture(params=KINDS)
def files(request, tmp_path):
    """The files of a small data set of each kind, and their number."""
    draw, channels = KINDS[request.param]
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(4):
            exif = Image.Exif()
            exif[0x0112] = 6
            draw(rng).save(tmp_path / "data" / name / f"{i}.png", exif=exif)
    dataset = load_dataset(str(tmp_path / "data"), image_size=9, cache_dir=tmp_path / "cache", tell=False)
    assert dataset.input_shape == (channels, 9, 9)
    return ImageFiles(str(tmp_path / "data"), None, dataset, 9, 2**26)


@pytest.fixture
def exportable(files, make_random):
    made = make_random("[SM(3)]", input_shape=files.dataset.input_shape)
    return replace(made, files=files, card=replace(made.card, levels=files.dataset.levels))


def test_every_file_is_opened_to_the_pixels_of_the_training(exportable, files, tmp_path):
    facts = export_network(exportable, tmp_path / "out", [])
    assert facts["files"]["model.py"]["opened"] == 12
    assert (
        "`model.read_image` opened 12 image files of the data set"
        in (tmp_path / "out" / "README.md").read_text()
    )
    module = load_source(tmp_path / "out")
    path = tmp_path / "data" / "cat" / "0.png"
    found = module.read_image(path)
    assert np.array_equal(found[0].permute(1, 2, 0).numpy(), files.dataset.train_images[0] / np.float32(255))


def test_a_model_that_opens_files_otherwise_is_refused(exportable, tmp_path, monkeypatch):
    made = FORMATS["torch"]

    def write(folder, card, weights):
        made.write(folder, card, weights)
        source = (folder / "model.py").read_text()
        (folder / "model.py").write_text(
            source.replace("image.load()", "image = image.convert('RGB').rotate(90)")
        )

    monkeypatch.setitem(FORMATS, "torch", replace(made, write=write))
    with pytest.raises(
        ExportError, match=r"model\.py opens '.*\.png' of '.*data' differently from the training"
    ):
        export_network(exportable, tmp_path / "out", [])
    assert not (tmp_path / "out").exists()


def test_without_files_nothing_is_opened(make_random, tmp_path):
    made = make_random("[SM(3)]", input_shape=(1, 8, 8))
    files = ImageFiles("digits", None, load_dataset("digits"), None, 2**26)
    facts = export_network(replace(made, files=files), tmp_path / "out", [])
    assert facts["files"]["model.py"]["opened"] == 0


@pytest.mark.parametrize("files", ["photo"], indirect=True)
def test_files_are_classified_from_the_command_line(exportable, tmp_path):
    import subprocess
    import sys

    export_network(exportable, tmp_path / "out", [])
    names = [str(tmp_path / "data" / name / "0.png") for name in ("cat", "dog")]
    broken = tmp_path / "broken.png"
    broken.write_bytes((tmp_path / "data" / "cat" / "0.png").read_bytes()[:60])
    command = [sys.executable, str(tmp_path / "out" / "model.py"), *names, str(broken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    assert [said[0], said[4]] == [f"{name}:" for name in names]
    assert len(said) == 2 * (1 + 3)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{broken}: ")
    assert len(done.stderr.splitlines()) == 1


def test_pillow_is_needed_for_files_alone(make_random, tmp_path):
    """Without Pillow the network can be loaded."""
    import subprocess
    import sys

    export_network(make_random("[SM(3)]"), tmp_path / "out", [])
    code = "import sys; sys.modules['PIL'] = None; import model, torch; "
    code += "print(model.load()(torch.rand(1, 3, 9, 9)).shape)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True)
    assert done.stdout == "torch.Size([1, 3])\n", done.stderr


def test_a_stream_is_as_good_as_a_path(exportable, tmp_path):
    export_network(exportable, tmp_path / "out", [])
    data = (tmp_path / "data" / "owl" / "1.png").read_bytes()
    module = load_source(tmp_path / "out")
    assert module.read_image(io.BytesIO(data)).equal(module.read_image(tmp_path / "data" / "owl" / "1.png"))
