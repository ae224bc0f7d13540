"""Any file: read, or refused by an error of ours; nothing is written, started or followed."""

import gzip
import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from predictor.curves import reading
from predictor.errors import PredictorError
from trainers import DatasetError
from trainers.datasets.arrays import read_npz
from trainers.datasets.folder import read_image_folder
from trainers.datasets.images import decode_image
from trainers.datasets.members import read_archive

fuzz = settings.get_profile("fuzz")


def damaged(original: bytes):
    """That file with bytes changed, cut out, or put in."""
    place = st.integers(0, len(original) - 1)
    change = st.tuples(
        place, st.sampled_from(["set", "cut", "insert", "zero"]), st.binary(min_size=1, max_size=8)
    )

    def apply(changes):
        data = bytearray(original)
        for at, how, what in changes:
            at = min(at, len(data))
            if how == "set":
                data[at : at + len(what)] = what
            elif how == "cut":
                del data[at:]
            elif how == "insert":
                data[at:at] = what
            else:
                data[at : at + 512] = bytes(len(data[at : at + 512]))
        return bytes(data)

    return st.lists(change, min_size=1, max_size=4).map(apply)


def npz(**arrays) -> bytes:
    """An .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


CURVES = npz(
    values=np.random.default_rng(0).random((4, 3)), ap_depth=np.arange(4.0), names=np.array(list("abcd"))
)
IMAGES = npz(
    x_train=np.zeros((6, 4, 4, 3), np.uint8), y_train=np.array([0, 1] * 3), class_names=np.array(["a", "b"])
)
HEADERS = st.dictionaries(
    st.sampled_from(["descr", "fortran_order", "shape", "more"]),
    st.one_of(
        st.sampled_from(["<f8", "|O", "|V0", "<U9", "|u1", "zz", [("a", "<f8")], True, False, ()]),
        st.lists(st.integers(-2, 2**40), max_size=3).map(tuple),
    ),
)


def with_header(header: dict, name: str, body: bytes) -> bytes:
    """An .npz file whose array has that header."""
    text = repr(header).encode() + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.npy", array)
        archive.writestr("y_train.npy", array)
    return file.getvalue()


def arrays(valid: bytes, name: str):
    """Any file, that .npz file damaged, and .npz files whose array `name` has some header."""
    headed = st.builds(with_header, HEADERS, st.just(name), st.binary(max_size=64))
    return st.one_of(st.binary(), damaged(valid), headed)


CELLS = st.one_of(
    st.floats().map(str),
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.sampled_from(["", "nan", "1e999", "0.5", "1_0", "\u0663", "abc"]),
)
NAMES = st.one_of(
    st.sampled_from([*(f"acc_{i}" for i in range(4)), "ep_1", "net", "ap_depth", "hp_lr", "id", "", "acc_9999999999",  # noqa: E501
                     "acc_" + "9" * 5000]),
    st.text(max_size=6),
)  # fmt: skip


@st.composite
def tables(draw):
    """CSV files, nearly right ones."""
    header = draw(st.lists(NAMES, max_size=6))
    width = st.just(len(header)) if draw(st.integers(0, 9)) else st.integers(0, 7)
    rows = draw(st.lists(width.flatmap(lambda n: st.lists(CELLS, min_size=n, max_size=n)), max_size=4))
    lines = [",".join(cells) for cells in [header, *rows]]
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Writes a file in a folder of its own, and says whether anything else is there."""
    folder = tmp_path_factory.mktemp("fuzz")

    def write(name, data):
        path = folder / name
        path.write_bytes(data)
        return path

    yield write
    assert {entry.name for entry in folder.iterdir()} <= {"x.csv", "x.npz", "x.tar"}


@fuzz
@given(data=st.one_of(tables(), st.binary()))
def test_tables_of_curves(file, data):
    with_errors(PredictorError, reading.read_curves, file("x.csv", data))


@fuzz
@given(data=arrays(CURVES, "values"))
def test_arrays_of_curves(file, data):
    with_errors(PredictorError, reading.read_curves, file("x.npz", data))


@fuzz
@given(data=arrays(IMAGES, "x_train"))
def test_arrays_of_images(file, data):
    with_errors(DatasetError, read_npz, file("x.npz", data), "x")


def with_errors(kind, read, *arguments):
    """Allow only our error, in one line."""
    try:
        read(*arguments)
    except kind as error:
        assert "\n" not in str(error)  # noqa: PT017 - there need not be an error
        assert len(str(error)) < 2000  # noqa: PT017


def encoded(format: str, mode: str = "RGB", **options) -> bytes:
    """A small image file."""
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(file, format, **options)
    return file.getvalue()


PICTURES = [
    *(encoded(kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")),
    *(encoded("PNG", mode) for mode in ("L", "P", "RGBA", "1", "LA")),
    *(encoded("TIFF", compression=kind) for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits")),
]


@fuzz
@given(
    data=st.one_of(st.binary(), st.sampled_from(PICTURES).flatmap(damaged)), size=st.sampled_from([None, 5])
)
def test_images(data, size):
    with_errors(DatasetError, decode_image, data, "image 'x'", size)


MEMBERS = st.fixed_dictionaries(
    {
        "name": st.one_of(
            st.sampled_from(["a/1.png", "b/1.png", "../up.png", "/etc/passwd.png", "a/../../x.png", "train/a/2.png"]),  # noqa: E501
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=9),
        ),
        "type": st.sampled_from([tarfile.REGTYPE] * 6 + [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE,
                                 tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"Z"]),
        "link": st.sampled_from(["/etc/passwd", "../../x", "a/1.png", ""]),
        "pax": st.dictionaries(
            st.sampled_from(["size", "path", "linkpath", "mtime", "GNU.sparse.map", "GNU.sparse.size",
                             "GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.name", "GNU.sparse.realsize",
                             "GNU.sparse.numblocks", "hdrcharset"]),
            st.sampled_from(["0", "1", "-1", "x", "99999999999", "0,1,x", "1,2", "../y.png", "\u00e9"]),
            max_size=3,
        ),
        "data": st.sampled_from([*PICTURES[:3], b"", b"1\n0\n5\n"]),
    }
)  # fmt: skip


def tar(members: list[dict]) -> bytes:
    """An archive of such members."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member["name"])
            info.type, info.linkname, info.pax_headers = member["type"], member["link"], member["pax"]
            info.size = len(member["data"]) if member["type"] in (tarfile.REGTYPE, b"Z") else 0
            archive.addfile(info, io.BytesIO(member["data"]))
    return file.getvalue()


GOOD = tar(
    [
        {"name": f"{c}/{i}.png", "type": tarfile.REGTYPE, "link": "", "pax": {}, "data": PICTURES[0]}
        for c in "ab"
        for i in range(2)
    ]
)
PACK = st.sampled_from([bytes, lambda data: gzip.compress(data, 1, mtime=0)])


@fuzz
@given(
    data=st.one_of(
        st.binary(),
        damaged(GOOD),
        damaged(gzip.compress(GOOD, mtime=0)),
        st.builds(lambda pack, members: pack(tar(members)), PACK, st.lists(MEMBERS, max_size=4)),
        st.sampled_from(["bz2", "xz"]).flatmap(lambda kind: damaged(packed(kind))),
    )
)
def test_archives(file, data):
    path = file("x.tar", data)
    with_errors(DatasetError, read_image_folder, path, "x")


def packed(kind: str) -> bytes:
    """The good archive, compressed in another way."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{kind}") as archive:
        info = tarfile.TarInfo("a/1.png")
        info.size = len(PICTURES[0])
        archive.addfile(info, io.BytesIO(PICTURES[0]))
    return file.getvalue()


def test_the_good_files_are_good(file):
    """Otherwise the fuzzing would start from nothing."""
    assert reading.read_curves(file("x.npz", CURVES)).T == 3
    assert read_npz(file("x.npz", IMAGES), "x").num_classes == 2
    assert read_image_folder(file("x.tar", GOOD), "x").num_classes == 2
    assert all(decode_image(picture, "x").pixels.shape[:2] == (9, 7) for picture in PICTURES)


def test_links_and_devices_in_an_archive_are_not_followed(file):
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
    members = [{"name": f"a/{i}.png", "type": kind, "link": "/etc/passwd", "pax": {}, "data": b""}
               for i, kind in enumerate(kinds)]  # fmt: skip
    assert not [member for member in read_archive(file("x.tar", tar(members))) if member.data is not None]


def npy(array: np.ndarray) -> bytes:
    """An .npy file."""
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


NO_TEXT = [np.array([0x110000, 0x41], np.uint32).view("<U1"), np.array([0xD800, 0x41], np.uint32).view("<U1")]


@pytest.mark.parametrize(
    ("read", "good", "name", "content"),
    [
        *((reading.read_curves, "values", "hp_x", content) for content in (b"", b"no array")),
        *((reading.read_curves, "values", "names", npy(names)) for names in NO_TEXT),
        *((lambda path: read_npz(path, "x"), "x_train", "class_names", npy(names)) for names in NO_TEXT),
    ],
)
def test_what_coverage_guided_fuzzing_has_found(file, read, good, name, content):
    """Members that are not arrays, and strings with numbers that are not characters; see atheris_fuzz.py."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            f"{good}.npy", npy(np.zeros((2, 2, 2), np.uint8) if good == "x_train" else np.eye(2))
        )
        archive.writestr("y_train.npy" if good == "x_train" else "hp_y.npy", npy(np.arange(2)))
        archive.writestr(f"{name}.npy", content)
    with pytest.raises((PredictorError, DatasetError)):
        read(file("x.npz", data.getvalue()))


def test_a_bomb_is_left_out_before_it_goes_off(file):
    """100 MB of zeros in an image's place, packed to 100 kB."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        info = tarfile.TarInfo("a/1.png")
        info.size = 100 * 2**20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    [bomb] = [m for m in read_archive(file("x.tar", gzip.compress(inner.getvalue(), 1))) if not m.is_folder]
    assert "104,857,600 bytes" in bomb.too_large
    assert bomb.data is None


def test_curves_that_unpack_to_gigabytes_are_refused(file):
    data = io.BytesIO()
    with (
        zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("values.npy", "w", force_zip64=True) as member,
    ):
        header = {"descr": "<f8", "fortran_order": False, "shape": (2**26, 20)}
        np.lib.format.write_array_header_1_0(member, header)
        member.write(bytes(2**20))
    with pytest.raises(PredictorError):
        reading.read_curves(file("x.npz", data.getvalue()))


def test_pickles_are_not_loaded(file, tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    objects = np.array([Harmful(), None], dtype=object)
    for read, name in ((reading.read_curves, "values"), (lambda path: read_npz(path, "x"), "x_train")):
        with pytest.raises(ValueError, match=r"objects|plain arrays"):
            read(file("x.npz", npz(**{name: objects})))
    assert not (tmp_path / "harm").exists()
