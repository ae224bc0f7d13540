"""Small real files: every data set format in a few hundred bytes."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="session")
def trap():
    """trap(path): an object that makes that file when it is unpickled."""
    return Trap


@pytest.fixture(scope="session")
def encode():
    """encode(pixels, format): the bytes of an image file."""

    def encode_pixels(pixels, format="PNG", **options):
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return encode_pixels


@pytest.fixture(scope="session")
def pixels():
    """Random pixels of a shape, the same for the same seed."""

    def random_pixels(*shape, seed=0):
        return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)

    return random_pixels


@pytest.fixture
def tree(encode, pixels):
    """{path: file content}: two classes, three training images each, and two test images each; 6x6 RGB."""
    files = {}
    for label, name in enumerate(("cat", "dog")):
        for part, count in (("train", 3), ("test", 2)):
            for i in range(count):
                seed = 100 * label + 10 * count + i
                files[f"{part}/{name}/{i}.png"] = encode(pixels(6, 6, 3, seed=seed))
    return files


@pytest.fixture
def write_folder():
    """Write a dict of path to content below a folder; None makes an empty folder."""

    def write(folder: Path, files):
        for name, content in files.items():
            path = folder / name
            if content is None:
                path.mkdir(parents=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return folder

    return write


@pytest.fixture
def write_tar():
    """Write a dict of member name to content (or a ready TarInfo) as a tar archive."""

    def write(path: Path, files):
        mode = "w:gz" if path.name.endswith("gz") else "w"
        with tarfile.open(path, mode) as tar:
            for name, content in files.items():
                if isinstance(content, tarfile.TarInfo):
                    tar.addfile(content)
                    continue
                info = tarfile.TarInfo(name)
                if content is None:
                    info.type = tarfile.DIRTYPE
                    tar.addfile(info)
                else:
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        return path

    return write


@pytest.fixture(scope="session")
def real_data():
    """The folder with the real data sets."""
    folder = os.environ.get("METAQNN_DATA_DIR")
    if not folder:
        pytest.skip("METAQNN_DATA_DIR is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    """One cache folder for the whole session, so that CIFAR-10 is decoded once."""
    return tmp_path_factory.mktemp("cache")
