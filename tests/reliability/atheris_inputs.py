"""Good inputs for `atheris_fuzz.py` to start from, and files made of what its fuzzer chooses."""

import io
import json
import socket
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import atheris
import numpy as np
import psycopg
import sqlalchemy
import torch
from PIL import Image
from sqlalchemy.dialects.postgresql.base import PGDialect

BLOCK, CHECKSUM, SIZE = 512, slice(148, 156), slice(124, 136)
ARCHITECTURE, INPUT_SHAPE, NUM_CLASSES = "[SM(2)]", (1, 1, 1), 2
IDENTITY = {"name": "fuzzed"}


def zipped(data: bytes, names: tuple[str, ...], file: Path) -> None:
    """An .npz file whose members are the parts of `data`; the archive's checksums are right."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in zip(names, data.split(b"|||"), strict=False):
            archive.writestr(f"{name}.npy", part)


def with_checksums(data: bytes) -> bytes:
    """A tar archive, with the checksums of its headers made right."""
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


def stored_options(data: bytes) -> dict[str, Any]:
    """A JSON object if that is one, else a member for each line `NAME VALUE`; a value is JSON or text."""
    whole = _json(data)
    if isinstance(whole, dict):
        return whole
    pairs = (line.partition(b" ") for line in data.splitlines())
    return {name.decode("utf-8", "surrogateescape"): _json(value) for name, _, value in pairs}


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "surrogateescape")


def is_network(kind: bytes) -> bool:
    """Whether a file is read as a trained network, else as a training."""
    return kind < b"\x80"


def content(network: bool) -> dict[str, Any]:
    """What is in the file of a trained network, or of a training."""
    tensors = {"1.weight": torch.zeros(2, 1), "1.bias": torch.zeros(2)}
    if network:
        return {
            "format": 1,
            "architecture": ARCHITECTURE,
            "input_shape": INPUT_SHAPE,
            "num_classes": NUM_CLASSES,
            "accuracy": 0.5,
            "weights": tensors,
            "normalisation": ("channels", (120.5,), (60.5,)),
        }
    return {
        "format": 1,
        "identity": dict(IDENTITY),
        "reports": [(1, 1e-3, 1, 0.1, 1.5, 0.1), (2, 1e-3, 1, 0.6, 1.5, 0.1)],
        "seconds": 1.5,
        "network": tensors,
        "optimizer": {
            i: {"step": torch.tensor(1.0), "exp_avg": tensor, "exp_avg_sq": tensor}
            for i, tensor in enumerate(tensors.values())
        },
    }


def changed_content(kind: bytes, data: bytes) -> bytes:
    """That content with up to three values that the fuzzer replaced or removed, in PyTorch's format."""
    choices, changed = atheris.FuzzedDataProvider(data), content(is_network(kind))
    for _ in range(choices.ConsumeIntInRange(0, 3)):
        _change(changed, choices)
    return _saved(changed)


def _saved(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _change(place: Any, choices: atheris.FuzzedDataProvider) -> None:
    names = list(place) if isinstance(place, dict) else list(range(len(place)))
    if not names:
        return
    name = choices.PickValueInList(names)
    if isinstance(place[name], tuple):
        place[name] = list(place[name])
    if isinstance(place[name], dict | list) and choices.ConsumeBool():
        _change(place[name], choices)
    elif choices.ConsumeBool():
        place[name] = _value(choices)
    else:
        del place[name]


def _value(choices: atheris.FuzzedDataProvider) -> Any:
    match choices.ConsumeIntInRange(0, 9):
        case 0:
            return choices.PickValueInList(
                [None, True, float("nan"), float("inf"), -1.0, 10**400, -(10**400)]
            )
        case 1:
            return choices.ConsumeInt(8)
        case 2:
            return choices.ConsumeFloat()
        case 3:
            return choices.ConsumeUnicode(8)
        case 4:
            return [_value(choices) for _ in range(choices.ConsumeIntInRange(0, 6))]
        case 5:
            return {
                choices.ConsumeIntInRange(-1, 2): _value(choices)
                for _ in range(choices.ConsumeIntInRange(0, 2))
            }
        case 6:
            return [(1, 1e-3, choices.ConsumeIntInRange(-1, 3), choices.ConsumeProbability(), 1.5, 0.1)]
        case _:
            return _tensor(choices)


def _tensor(choices: atheris.FuzzedDataProvider) -> torch.Tensor:
    shape = choices.ConsumeIntListInRange(choices.ConsumeIntInRange(0, 3), 0, 3)
    dtype = choices.PickValueInList([torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64])
    tensor = torch.zeros(shape, dtype=dtype)
    match choices.ConsumeIntInRange(0, 5):
        case 0:
            return tensor.to_sparse() if shape else tensor
        case 1:
            return torch.zeros((), dtype=dtype).expand(10**6, 10**6)
        case 2:
            return torch.empty(shape, dtype=dtype, device="meta")
        case 3:
            return torch.nn.Parameter(tensor) if dtype.is_floating_point else tensor
    return tensor


def prepare_libraries() -> None:
    """Look up no host and ask no server; let branches in some library functions guide the fuzzer."""
    socket.getaddrinfo = _no_look_up
    psycopg.Connection._connect_gen = _no_connection
    for owner, name in (
        (sqlalchemy.engine.url, "_parse_url"),
        (PGDialect, "_split_multihost_from_url"),
    ):
        setattr(owner, name, atheris.instrument_func(getattr(owner, name)))


def _no_look_up(host: str, port: str, **_: object) -> list[tuple[Any, ...]]:
    host.encode("idna")  # as the real one does
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]


def _no_connection(*_: object, **__: object) -> NoReturn:
    raise psycopg.OperationalError("no servers in here")


def seeds(name: str) -> list[bytes]:
    """Good inputs of a target."""
    from metaqnn.config.search import SearchConfig

    images = np.zeros((2, 2, 2), np.uint8)
    options = SearchConfig().to_dict()
    published = {**options, "stopping": "published:Delta=0.99", "image_size": 32}
    return {
        "notation": [b"[C(64,3,1), P(2,2), D(1,2), FC(128), D(2,2), SM(10)]", b"[C(8,1,1), GAP(10), SM(10)]"],
        "configurations": [
            *(json.dumps(one).encode() for one in (options, published, {"early_stopping": True})),
            b"delta 0.9\nstopping paper\npools [[3, 2], [2, 2]]\nconv_widths [8]\nschedule 1:3\nmirror true",
            b"early_stopping false\nalpha 1\nimage_size null\naudit 0\nreward last-seen\nseed\ntarget final",
        ],
        "flags": [
            b"--delta=0.99\0--tolerance\x000.01\0--burn-in=10\0--schedule=1.0:3,0.1:2",
            b"--stopping=rank-envelope:first=2\0--pools\x003:2,2:2\0--conv-widths=8,16\0--no-mirror",
            b"--stopping\0percentile-25:warmup=3\0--preset=laptop\0--dataset=x:y\0--image-size=32\0--seed=1",
        ],
        "storage": [
            b'{"url": "postgresql+psycopg://me:secret@localhost:5432/db?sslmode=require", "search": 1}',
            b'{"url": "postgresql:///db?host=/tmp&port=1,2&password=x&options=-c%20a%3Db", "search": "2"}',
            b"postgres://[::1]/db?host=a:1&host=b:2&connect_timeout=3",
            b"postgresql://u:p@a.example/db?host=a,b&port=1,2&keepalives_idle=3",
        ],
        "curves-csv": [b"acc_0,acc_1,ap_depth,hp_lr,id\n.1,.2,3,.1,a\n.2,,4,.1,b\n", b"ep_1,ep_2\n.1,.2\n"],
        "curves-npz": [b"|||".join([_array([[0.1, 0.2]]), _array([1.0]), _array(["a"])])],
        "images": _pictures(),
        "images-npz": [b"|||".join([_array(images), _array([0, 1]), _array(["a", "b"])])],
        "images-tar": [_archive()],
        "checkpoints": [kind + _saved(content(is_network(kind))) for kind in (b"\0", b"\xff")],
        "checkpoint-contents": [bytes((i * k) % 256 for i in range(64, 0, -1)) for k in (1, 7, 66, 83)],
    }[name]


def _array(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(value))
    return file.getvalue()


def _pictures() -> list[bytes]:
    modes = [("PNG", mode) for mode in ("RGB", "L", "P", "RGBA", "1", "LA", "I;16")]
    others = [(kind, "RGB") for kind in ("JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")]
    packed = [{"compression": kind} for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits")]
    return [
        *(_picture(kind, mode) for kind, mode in (*modes, *others, ("JPEG", "CMYK"), ("PPM", "1"))),
        *(_picture("TIFF", "RGB", **options) for options in packed),
    ]


def _picture(kind: str, mode: str, **options: str) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(file, kind, **options)
    return file.getvalue()


def _archive() -> bytes:
    file = io.BytesIO()
    picture = _picture("PNG", "L")
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in ("a/1.png", "b/1.png"):
            info = tarfile.TarInfo(member)
            info.size, info.pax_headers = len(picture), {"mtime": "1.5"}
            tar.addfile(info, io.BytesIO(picture))
    return file.getvalue()
