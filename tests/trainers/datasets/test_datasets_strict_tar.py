import gzip
import tarfile
import tracemalloc

import pytest

from trainers.datasets import DatasetError
from trainers.datasets.members import read_archive


def blocks(info, body):
    """A header and its body, as they lie in an archive."""
    info.size = len(body)
    return info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % tarfile.BLOCKSIZE)


def record(kind, body, name="x"):
    info = tarfile.TarInfo(name)
    info.type = kind
    return blocks(info, body)


def pax(**entries):
    body = b""
    for key, value in entries.items():
        entry = f" {key.replace('_', '.')}={value}\n".encode()
        length = len(entry) + len(str(len(entry)))
        body += str(len(entry) + len(str(length))).encode() + entry
    return body


IMAGE = blocks(tarfile.TarInfo("a/1.png"), b"image")
END = bytes(2 * tarfile.BLOCKSIZE)


def test_the_records_below_are_records(tmp_path):
    archive = tmp_path / "x.tar"
    records = record(tarfile.GNUTYPE_LONGNAME, b"b/long.png\0") + IMAGE
    records += record(tarfile.XHDTYPE, pax(path="c/pax.png")) + IMAGE
    archive.write_bytes(records + END)
    found = {str(member): member.data for member in read_archive(archive)}
    assert found == {"b/long.png": b"image", "c/pax.png": b"image"}


SPARSE = pax(GNU_sparse_major=1, GNU_sparse_minor=0, GNU_sparse_name="a/1.png", GNU_sparse_realsize=5)


@pytest.mark.parametrize(
    "records",
    [
        *(3 * record(kind, 400_000 * b"a") for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)),
        *(3 * record(kind, pax(x=400_000 * "a")) for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE)),
        record(tarfile.XHDTYPE, SPARSE) + record(tarfile.REGTYPE, b"600000\n" + 1_200_000 * b"0\n", "s"),
    ],
    ids=["long names", "long links", "records", "global records", "map of a sparse file"],
)
def test_headers_of_one_member_take_a_limited_memory(tmp_path, records):
    archive = tmp_path / "x.tar"
    archive.write_bytes(records + IMAGE + END)
    with pytest.raises(DatasetError, match="one member has more than 1,048,576 bytes of headers"):
        list(read_archive(archive))


def test_global_records_do_not_pile_up(tmp_path):
    archive = tmp_path / "x.tar.gz"
    with gzip.open(archive, "wb", compresslevel=1) as file:
        for number in range(40):
            file.write(record(tarfile.XGLTYPE, pax(**{f"x{number}": 300_000 * "a"})) + IMAGE)
        file.write(END)
    tracemalloc.start()
    try:
        assert len(list(read_archive(archive))) == 40
        assert tracemalloc.get_traced_memory()[1] < 4e6  # 12 MB of records
    finally:
        tracemalloc.stop()


def test_digits_that_take_tarfile_the_square_of_their_number_are_refused(tmp_path):
    archive = tmp_path / "x.tar"
    archive.write_bytes(record(tarfile.XHDTYPE, 1000 * b"1") + IMAGE + END)
    with pytest.raises(DatasetError, match="a header has more than 100 digits in a row"):
        list(read_archive(archive))


def negative(kind, size):
    """A header in GNU's notation, which has negative sizes."""
    info = tarfile.TarInfo("a/1.png")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "records",
    [
        *(
            negative(kind, -size)
            for kind in (b"N", tarfile.GNUTYPE_LONGNAME, b"0")
            for size in (1, 513, 2**40)
        ),
        record(tarfile.XHDTYPE, pax(size=-513)) + IMAGE,
        record(tarfile.XHDTYPE, pax(size=-(2**40))) + IMAGE,
    ],
)
def test_a_negative_size_does_not_lead_back_for_ever(tmp_path, records):
    """Found by coverage-guided fuzzing."""
    archive = tmp_path / "x.tar"
    archive.write_bytes(IMAGE + records + IMAGE + END)
    with pytest.raises(DatasetError, match=r"member has -|negative size|invalid offset"):
        list(read_archive(archive))
