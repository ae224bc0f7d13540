import io
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from trainers.datasets import DatasetError
from trainers.datasets.arrays import read_npz
from trainers.datasets.dataset import MAX_BYTES
from trainers.datasets.npz import sizes

PARTS = {"x_train": np.zeros((4, 8, 8, 1), np.uint8), "y_train": np.arange(4) % 2}


def write_asking(path, name, shape, descr, compressed=zipfile.ZIP_DEFLATED, **others):
    """Write an archive whose array `name` has a header that asks for far more than there is."""
    header = io.BytesIO()
    npy.write_array_header_2_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", compressed) as archive:
        archive.writestr(f"{name}.npy", header.getvalue() + bytes(100))
        for other, array in others.items():
            with archive.open(f"{other}.npy", "w") as member:
                np.save(member, array)


@pytest.mark.parametrize(
    ("name", "shape", "descr"),
    [
        ("x_train", (2**24, 32, 32, 1), "|u1"),
        ("x_train", (2**50, 32, 32, 1), "|u1"),
        ("x_train", (MAX_BYTES, 1, 1), "|V0"),
        ("y_train", (MAX_BYTES // 8,), "<i8"),
        (
            "y_train",
            (MAX_BYTES // 64,),
            "|u1",
        ),  # each is a name, a label and a digest in the end
        ("class_names", (2**40,), "<U0"),
    ],
)
def test_what_a_header_asks_for_is_limited_before_it_is_allocated(tmp_path, name, shape, descr):
    write_asking(tmp_path / "x.npz", name, shape, descr, **{key: PARTS[key] for key in PARTS if key != name})
    assert (tmp_path / "x.npz").stat().st_size < 2000
    with pytest.raises(DatasetError, match=rf"they need [\d,]+ bytes .*, most of them '{name}'; at"):
        read_npz(tmp_path / "x.npz", "x")


def test_sizes_are_those_that_numpy_reads(tmp_path):
    arrays = {**PARTS, "one": np.array(3.0), "text": np.array(["cat", "horse"]), "none": np.zeros((0, 5))}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)
        found = dict(sizes(tmp_path / "x.npz", lambda name: 1))
        heads = {name: found[name] - array.nbytes for name, array in arrays.items()}
        assert all(0 < head <= 256 for head in heads.values()), heads  # the file holds a header, too


def test_what_an_array_holds_beyond_its_header_counts(tmp_path):
    write_asking(tmp_path / "x.npz", "x_train", (1,), "|u1", notes=np.zeros(1000, np.uint8))
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as archive:
        archive.writestr("readme", "no array" * 100)
    found = dict(sizes(tmp_path / "x.npz", lambda name: 1))
    assert found["x_train"] > 100
    assert found["notes"] > 1000
    assert found["readme"] == 800


def test_labels_are_counted_before_anything_is_made_of_them(tmp_path):
    np.savez(tmp_path / "x.npz", **{**PARTS, "x_test": PARTS["x_train"], "y_test": np.zeros(3, int)})
    with pytest.raises(DatasetError, match=r"'y_test' of '.*x\.npz': 4 images but 3 labels"):
        read_npz(tmp_path / "x.npz", "x")


def test_memory_that_is_not_there_is_no_damaged_file(tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.datasets.arrays.most_bytes", lambda: 2**70)
    write_asking(tmp_path / "x.npz", "x_train", (2**52, 32, 32, 1), "|u1", y_train=PARTS["y_train"])
    with pytest.raises(DatasetError, match="needs more memory than there is: "):
        read_npz(tmp_path / "x.npz", "x")
