"""How much memory a training takes, and telling "too little memory for this network" from a defect."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import torch

from state_space import (
    Architecture,
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    Pooling,
    Stage,
)
from state_space.errors import first_line

EVALUATION_BATCH = 512
"""Images validated at a time, at most; a matter of memory and speed alone."""
CUDA_PROCESS = 1.2e9
"""Bytes of a GPU that a process takes before it trains: CUDA's context, and what its libraries keep. Not
measured."""
CUDA_ALLOWANCE = 1.5
"""How many times its `MemoryEstimate.pooled` a training takes on CUDA: cuDNN and cuBLAS have workspaces, a
recorded graph cannot use what the steps before it leave, and some is lost by fragmentation. Not measured."""
LITTLE_FREE = 512 * 2**20
"""Bytes of a GPU below which an unclear failure counts as too little memory. Not measured."""

# What the allocators of the CPU, of CUDA's libraries and of MPS write into a RuntimeError. From cuDNN 9 on
# its code says whose memory it was.
_ALLOCATION_FAILURES = (
    *("out of memory", "not enough memory", "can't allocate memory", "bad_alloc"),
    *("cublas_status_alloc_failed", "cudnn_status_alloc_failed"),
    *("error_device_allocation_failed", "error_host_allocation_failed"),
)
_NO_ENGINE = "unable to find an engine"
"""cuDNN's words if there is no memory for the workspace of any, or if none always gives the same bits."""
_UNCLEAR = (_NO_ENGINE, "cublas_status_not_initialized", "cudnn_status_not_initialized")
"""The words of CUDA's libraries if they get no memory to begin with, but also for other reasons."""


class OutOfMemory(Exception):  # noqa: N818 - an outcome, not an error
    """A step needed more memory than there was; the message is the allocator's first line."""


@contextmanager
def allocation_guard(device: torch.device | None = None) -> Iterator[None]:
    """Turn a failed allocation on any device into `OutOfMemory`; everything else passes through.

    torch.OutOfMemoryError (CUDA) is a RuntimeError; the CPU's allocator raises plain ones. One may be hidden
    behind an error that it leads to.

    Args:
        device: asked about its memory after a failure that may have another cause, too.
    """
    refused = _refusals(device)
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        message = failed_allocation(error, device, refused)
        if message is None:
            raise
        error.__traceback__ = None  # its frames would refer to it in a cycle, and so keep the network alive
        raise OutOfMemory(message) from None


def failed_allocation(
    error: BaseException | None, device: torch.device | None = None, refused: int = 0
) -> str | None:
    """What the error, or else the nearest of its causes, says about too little memory; None if none does."""
    signs = _ALLOCATION_FAILURES + (() if torch.backends.cudnn.deterministic else (_NO_ENGINE,))
    while error is not None:
        text = str(error)
        lower = text.lower()
        unclear = any(sign in lower for sign in _UNCLEAR)
        if (
            isinstance(error, MemoryError)
            or any(sign in lower for sign in signs)
            or (unclear and _is_short(device, refused))
        ):
            return first_line(text) or "memory allocation failed"
        error = error.__cause__ or error.__context__
    return None


def _refusals(device: torch.device | None) -> int:
    """How often PyTorch has found no memory on a GPU, even if cuDNN then tried to manage with less."""
    if device is None or device.type != "cuda":
        return 0
    return int(torch.cuda.memory_stats(device).get("num_ooms", 0))


def _is_short(device: torch.device | None, refused: int) -> bool:
    """Whether a GPU has refused memory since it had done so `refused` times, or has little left."""
    if device is None or device.type != "cuda":
        return False
    with suppress(RuntimeError):  # the device is lost
        return _refusals(device) > refused or torch.cuda.mem_get_info(device)[0] < LITTLE_FREE
    return False


def give_back(device: torch.device) -> None:
    """Return what PyTorch keeps of a GPU's memory for later to the processes beside this one.

    Networks that only reference cycles keep alive are dropped first. A GPU that is lost, or on which a
    recording has failed, may refuse; that does not change how the training ended.
    """
    if device.type == "cuda":
        gc.collect()
        with suppress(RuntimeError):
            torch.cuda.empty_cache()


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes that the training of one network takes at its peak, by what they hold."""

    parameters: int
    """Weights and biases, their gradients and both moments of Adam, in float32; with bfloat16, the weights in
    that format too."""
    activations: int
    """What the forward pass of one batch keeps for the backward pass."""
    passing: int
    """What lives for the time of one layer: the gradients on both of its sides, and the columns of a
    convolution, less what the layers after it keep, which is not there at that time."""
    evaluation: int
    """Images, input and output of a layer, and its columns, while a batch is validated, which needs no other
    activations."""

    @property
    def total(self) -> int:
        """Bytes at the peak of training or of validation, whichever is higher."""
        return self.parameters + max(self.activations + self.passing, self.evaluation)

    @property
    def pooled(self) -> int:
        """Bytes where steps and validation do not use each other's memory: on CUDA, if steps are recorded."""
        return self.parameters + self.activations + self.passing + self.evaluation


def training_memory(
    architecture: Architecture,
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    batch_size: int,
    evaluation_batch: int = EVALUATION_BATCH,
    precision: torch.dtype = torch.float32,
    in_columns: bool = False,
) -> MemoryEstimate:
    """Estimate from the layers alone what `ClassifierTrainer` allocates for a network.

    Against PyTorch's own account on the CPU it was 0.9 to 1.6 times the truth. Not counted: the images of the
    data set, what convolution libraries allocate for themselves, and on CUDA the context of the process and
    what is lost by fragmentation: see `process_memory`.

    Args:
        architecture: the network.
        input_shape: (channels, height, width) of the images.
        num_classes: number of logits.
        batch_size: images a training step.
        evaluation_batch: images a validation step.
        precision: number format of the activations.
        in_columns: whether convolutions copy the receptive field of every output first; see
            `trainers.device.convolves_in_columns`.

    Raises:
        ShapeError: the architecture does not fit the images.
    """
    stages = list(architecture.stages(input_shape, num_classes))
    size = precision.itemsize
    copied = size if precision is not torch.float32 else 0
    weights = sum(stage.weights for stage in stages)
    parameters = 4 * 4 * sum(stage.parameters for stage in stages) + copied * weights
    images = (4 + copied) * prod(input_shape)
    kept = list(accumulate((_kept(stage, size) for stage in stages), initial=images))[1:]
    widest = max(prod(shape) for stage in stages for shape in (stage.input_shape, stage.output_shape))
    both = 2 * widest * size
    columns = [_columns(stage) * size if in_columns else 0 for stage in stages]
    # Where the columns of a layer are, what the layers after it keep is not.
    passing = both + max(more - (kept[-1] - so_far) for so_far, more in zip(kept, columns, strict=True))
    return MemoryEstimate(
        parameters,
        batch_size * kept[-1],
        batch_size * passing,
        evaluation_batch * (images + both + max(columns)),
    )


def process_memory(estimate: MemoryEstimate, images: int) -> float:
    """Bytes of a GPU that a process needs to train a network: allowances, not measured.

    Args:
        estimate: of the network.
        images: bytes of the data set, which stays on the GPU.
    """
    return CUDA_PROCESS + images + CUDA_ALLOWANCE * estimate.pooled


def _kept(stage: Stage, size: int) -> int:
    """Bytes per image that a layer keeps for the backward pass; its input is kept by the one before."""
    outputs = prod(stage.output_shape)
    match stage.layer:
        case Convolution():
            return outputs * size * (1 + stage.layer.batch_norm)  # the ReLU works in place
        case Pooling():
            return outputs * (size + 8)  # and for each the index of its maximum
        case Dropout():
            return outputs * 2 * size  # and the mask
        case FullyConnected():
            return (outputs + _flattened(stage)) * size
        case GlobalAveragePooling():
            return outputs * 4 + prod((outputs, *stage.input_shape[1:])) * (size + 4)
    return outputs * 4 + _flattened(stage) * size


def _columns(stage: Stage) -> int:
    """Numbers in the receptive fields of an image's outputs; for fields of one pixel the input serves."""
    layer = stage.layer
    if not isinstance(layer, Convolution) or layer.size == layer.stride == 1:
        return 0
    return stage.macs // layer.width


def _flattened(stage: Stage) -> int:
    """Numbers copied to put a map, stored channels last, in the order of a vector."""
    return prod(stage.input_shape) if len(stage.input_shape) > 1 and stage.weights else 0
