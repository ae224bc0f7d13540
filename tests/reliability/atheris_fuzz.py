"""Coverage-guided fuzzing with atheris, by hand: pytest does not collect this file.

    pip install atheris
    python tests/reliability/atheris_fuzz.py notation|curves-csv|curves-npz|images-npz|images-tar -runs=100000

Further arguments are libFuzzer's; the first of them that is no option is a folder in which inputs are kept.
Whatever comes is read, or refused by an error of ours in one line: anything else ends the run with the input
that caused it.
"""

import io
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["state_space", "predictor", "trainers"]):
    from predictor import reading
    from predictor.errors import PredictorError
    from state_space import Architecture
    from state_space.errors import StateSpaceError
    from trainers import DatasetError
    from trainers.datasets.arrays import read_npz
    from trainers.datasets.folder import read_image_folder

BLOCK = 512
CHECKSUM = slice(148, 156)
SIZE = slice(124, 136)
LONGEST_MESSAGE = 2000


def only_ours(kind: type[Exception], read: Callable[[], object]) -> None:
    """Only this error may come, and in one line."""
    try:
        read()
    except kind as error:
        assert "\n" not in str(error)  # noqa: PT017 - there need not be an error
        assert len(str(error)) < LONGEST_MESSAGE  # noqa: PT017


def notation(data: bytes) -> None:
    """The notation of architectures; what is read is written and read again."""
    text = data.decode("utf-8", "surrogateescape")

    def read() -> None:
        architecture = Architecture.parse(text)
        assert Architecture.parse(str(architecture)) == architecture

    only_ours(StateSpaceError, read)


def curves_csv(data: bytes) -> None:
    """Tables of curves."""
    file = FOLDER / "x.csv"
    file.write_bytes(data)
    only_ours(PredictorError, lambda: reading.read_curves(file))


def curves_npz(data: bytes) -> None:
    """Arrays of curves: the fuzzer's bytes are the arrays, the archive's checksums are right."""
    file = _zipped(data, ("values", "hp_x", "names"))
    only_ours(PredictorError, lambda: reading.read_curves(file))


def images_npz(data: bytes) -> None:
    """Arrays of images, likewise."""
    file = _zipped(data, ("x_train", "y_train", "class_names"))
    only_ours(DatasetError, lambda: read_npz(file, "x"))


def images_tar(data: bytes) -> None:
    """Archives of images, the checksums of whose headers are made right."""
    file = FOLDER / "x.tar"
    file.write_bytes(_with_checksums(data))
    only_ours(DatasetError, lambda: read_image_folder(file, "x"))


def _zipped(data: bytes, names: tuple[str, ...]) -> Path:
    file = FOLDER / "x.npz"
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in zip(names, data.split(b"|||"), strict=False):
            archive.writestr(f"{name}.npy", part)
    return file


def _with_checksums(data: bytes) -> bytes:
    fixed, at = bytearray(data), 0
    while at + BLOCK <= len(fixed):
        header = fixed[at : at + BLOCK]
        header[CHECKSUM] = b" " * 8
        header[CHECKSUM] = f"{sum(header):06o}\0 ".encode()
        fixed[at : at + BLOCK] = header
        digits = bytes(header[SIZE]).split(b"\0")[0].strip()
        size = int(digits, 8) if digits and not set(digits) - set(b"01234567") else 0
        at += BLOCK * (1 + -(-size // BLOCK))
    return bytes(fixed)


def seeds(name: str) -> list[bytes]:
    """Good inputs to start from."""
    import numpy as np
    from PIL import Image

    def array(value: object) -> bytes:
        file = io.BytesIO()
        np.save(file, np.array(value))
        return file.getvalue()

    def archive() -> bytes:
        picture, file = io.BytesIO(), io.BytesIO()
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(picture, "PNG")
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for member in ("a/1.png", "b/1.png"):
                info = tarfile.TarInfo(member)
                info.size, info.pax_headers = len(picture.getvalue()), {"mtime": "1.5"}
                tar.addfile(info, io.BytesIO(picture.getvalue()))
        return file.getvalue()

    images = np.zeros((2, 2, 2), np.uint8)
    return {
        "notation": [b"[C(64,3,1), P(2,2), D(1,2), FC(128), D(2,2), SM(10)]", b"[C(8,1,1), GAP(10), SM(10)]"],
        "curves-csv": [
            b"acc_0,acc_1,ap_depth,hp_lr,id\n0.1,0.2,3,0.1,a\n0.2,,4,0.1,b\n",
            b"ep_1,ep_2\n.1,.2\n",
        ],
        "curves-npz": [b"|||".join([array([[0.1, 0.2]]), array([1.0]), array(["a"])])],
        "images-npz": [b"|||".join([array(images), array([0, 1]), array(["a", "b"])])],
        "images-tar": [archive()],
    }[name]


TARGETS = {
    "notation": notation,
    "curves-csv": curves_csv,
    "curves-npz": curves_npz,
    "images-npz": images_npz,
    "images-tar": images_tar,
}

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        FOLDER, start = Path(folder) / "work", Path(folder) / "seeds"
        FOLDER.mkdir()
        start.mkdir()
        for i, good in enumerate(seeds(name)):
            TARGETS[name](good)
            (start / str(i)).write_bytes(good)
        kept = [option for option in options if not option.startswith("-")] or [str(Path(folder) / "kept")]
        Path(kept[0]).mkdir(exist_ok=True)
        flags = [option for option in options if option.startswith("-")]
        atheris.Setup([sys.argv[0], *flags, *kept, str(start)], TARGETS[name])
        atheris.Fuzz()
