"""Small folders of images."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path):
    """photos(**parts): a folder with that many 8x8 images of each of two classes in each part."""

    def write(name="photos", **parts):
        rng = np.random.default_rng(0)
        for part, count in parts.items():
            for label, kind in enumerate(("cat", "dog")):
                folder = tmp_path / name / part / kind
                folder.mkdir(parents=True)
                for i in range(count):
                    pixels = rng.integers(100 * label, 100 * label + 100, (8, 8), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{i}.png")
        return tmp_path / name

    return write
