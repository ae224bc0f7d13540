"""Where and how precisely networks are trained: device, number format and processor settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypedDict

import torch

from state_space.errors import first_line

DEVICES = ("auto", "cuda", "mps", "cpu")
PRECISIONS = ("auto", "float32", "bfloat16")
_NUMBER = re.compile(r"0|[1-9][0-9]*")  # as PyTorch reads it


class DeviceError(ValueError):
    """A device, number format or thread count that cannot be used here, or not any more; one line."""


class Placement(TypedDict, total=False):
    """Where and how a trainer computes; each option has a default.

    Attributes:
        device: "auto" (the default), "cuda", "cuda:1", "mps" or "cpu".
        precision: of training: "auto" (the default), "float32" or "bfloat16".
        threads: processor threads to train with; None, the default, leaves PyTorch's setting.
        cuda_graphs: on CUDA, whether steps are recorded and replayed; None, the default: where that promises
            to be faster.
        deterministic: on CUDA, whether cuDNN may only use kernels that give the same bits every time.
    """

    device: str
    precision: str
    threads: int | None
    cuda_graphs: bool | None
    deterministic: bool


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes CUDA, then MPS, then the CPU. "cuda:1" means the second GPU.

    Raises DeviceError for an unknown name or a device that this machine or this PyTorch lacks.
    """
    if name == "auto":
        return torch.device(next(kind for kind in DEVICES[1:] if _available(kind)))
    kind, colon, number = name.partition(":")
    if kind not in DEVICES[1:] or (colon and not _NUMBER.fullmatch(number)):
        raise DeviceError(f"unknown device {name!r}: devices are {', '.join(DEVICES)}")
    if not _available(kind):
        raise DeviceError(f"device {name!r} is not available here; use 'auto' or 'cpu'")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if number and int(number) >= count:
        raise DeviceError(f"device {name!r} does not exist: there are {count}, counted from {kind}:0")
    return torch.device(name)


def choose_precision(device: torch.device, name: str = "auto") -> torch.dtype:
    """Number format of the activations: weights and optimizer state are always float32.

    "auto" takes bfloat16 (by autocast) where the hardware multiplies in it: CUDA capability 8 and up, CPUs
    with AVX512-BF16 or AMX. Raises DeviceError for an unknown name and for bfloat16 on MPS.
    """
    if name not in PRECISIONS:
        raise DeviceError(f"unknown precision {name!r}: precisions are {', '.join(PRECISIONS)}")
    if name == "bfloat16" and device.type == "mps":
        raise DeviceError("precision 'bfloat16' is not supported on device 'mps'; use 'auto' or 'float32'")
    native = _native_bfloat16(device) if name == "auto" else name == "bfloat16"
    return torch.bfloat16 if native else torch.float32


def auto_precision(device: str) -> str:
    """The name of what precision "auto" takes on the device of that name."""
    return precision_name(choose_precision(choose_device(device)))


def precision_name(precision: torch.dtype) -> str:
    """The number format as users write it: `bfloat16`."""
    return str(precision).removeprefix("torch.")


def convolves_in_columns(device: torch.device, precision: torch.dtype) -> bool:
    """Whether PyTorch copies the receptive field of every output of a convolution before it multiplies.

    It does on CPUs for which oneDNN has no bfloat16, in that format: on x86, those without AVX-512.
    """
    if device.type != "cpu" or precision != torch.bfloat16:
        return False
    probe = "_is_mkldnn_bf16_supported"  # private, as below; PyTorch without oneDNN has none
    return not (hasattr(torch.ops.mkldnn, probe) and getattr(torch.ops.mkldnn, probe)())


def check_threads(threads: int | None) -> int | None:
    """Pass on a usable number of threads; raises DeviceError for any other."""
    if threads is not None and threads < 1:
        raise DeviceError(f"threads must be at least 1, not {threads}")
    return threads


@contextmanager
def processor_settings(threads: int | None) -> Iterator[None]:
    """Train with that many threads (None: as many as PyTorch has now) and without denormal numbers.

    Denormals slow a step down many times over and are below anything that training can use. In this
    thread and in those that PyTorch starts from here on they become zero; afterwards this thread keeps them,
    as by PyTorch's default. The number of threads belongs to the process and is put back.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)


@contextmanager
def cuda_settings(deterministic: bool) -> Iterator[None]:
    """Compute float32 in full precision, and let cuDNN take the same kernels every time if asked.

    By PyTorch's defaults convolutions on CUDA round float32 to TF32, in NVIDIA's containers products of
    matrices do so, too, and a program may have asked for either; cuDNN may choose kernels that add up in any
    order. The settings belong to the process, so they are put back afterwards, as far as PyTorch tells what
    they were.

    Args:
        deterministic: take only kernels of cuDNN that give the same bits every time.
    """
    cudnn = torch.backends.cudnn
    before, cudnn.deterministic = cudnn.deterministic, deterministic
    try:
        with _exact_float32():
            yield
    finally:
        cudnn.deterministic = before


@contextmanager
def _exact_float32() -> Iterator[None]:
    """Ask for exact float32 in both of PyTorch's ways; the older settings also change the newer ones."""
    newer = _newer_settings()
    before = [setting.fp32_precision for setting in newer]
    try:
        with _exact_by_older_settings():
            for setting in newer:
                setting.fp32_precision = "ieee"
            yield
    finally:
        for setting, precision in zip(newer, before, strict=True):
            setting.fp32_precision = "none"  # then it is what is asked of everything
            if setting.fp32_precision != precision:
                setting.fp32_precision = precision


def _newer_settings() -> list[Any]:
    """Those of convolutions, recurrent layers and products of matrices; none before PyTorch 2.9."""
    backends = torch.backends
    layers = [getattr(of, kind, None) for of in (backends.cudnn, backends.mkldnn) for kind in ("conv", "rnn")]
    settings = [*layers, backends.cuda.matmul, getattr(backends.mkldnn, "matmul", None)]
    return [setting for setting in settings if hasattr(setting, "fp32_precision")]


@contextmanager
def _exact_by_older_settings() -> Iterator[None]:
    """What cannot be read here, because the newer settings were used, ends as PyTorch's default."""
    convolutions, matrices = True, "highest"
    with suppress(RuntimeError):
        convolutions = torch.backends.cudnn.allow_tf32
    with suppress(RuntimeError):
        matrices = torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(matrices)


def is_lost(device: torch.device) -> bool:
    """Whether a device is of no use to this process any more.

    After an error on the device itself, such as an illegal access, every later call of CUDA in the process
    fails; waiting for the device shows it.
    """
    if device.type != "cuda":
        return False
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return True
    return False


@contextmanager
def told_if_lost(device: torch.device) -> Iterator[None]:
    """Raise DeviceError from an error of PyTorch in this block after which the device is lost."""
    try:
        yield
    except RuntimeError as error:
        if not is_lost(device):
            raise
        raise DeviceError(
            f"device {str(device)!r} has failed and is of no use to this process any more: "
            f"{first_line(error)}; start the program again, or use another device"
        ) from error


def holds(device: torch.device, size: int) -> bool:
    """Whether data of `size` bytes may live on the device: on CUDA, in half of what is free now."""
    if device.type == "cuda":
        return size <= torch.cuda.mem_get_info(device)[0] // 2
    if device.type == "mps":
        return size <= torch.mps.recommended_max_memory() // 2
    return True


def _available(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or torch.backends.mps.is_available()


def _native_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # These probes are private and came with different releases: without one, float32 is always right.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, probe, bool)() for probe in probes)
