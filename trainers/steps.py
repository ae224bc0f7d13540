"""One training step: forward, backward and update, launched kernel by kernel or replayed as a CUDA graph."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from state_space.errors import first_line
from trainers.device import is_lost
from trainers.memory import failed_allocation, give_back

_LOG = logging.getLogger(__name__)
Step = Callable[[Tensor, Tensor], Tensor]
"""Trains on images and labels; returns the summed loss of the batch, which lives until the next call."""

LAUNCH_BOUND = 30e9
"""Multiply-accumulates of one batch below which kernels are expected to end before the next is launched. By a
model of launches and layers on an H100, no network of the published space above it waits for launches. Not
measured."""
IGNORED = -100
"""Label of what only fills a batch up: the one that `cross_entropy` passes over by default."""

_WARM_UP = 3


def logits(network: nn.Module, images: Tensor, precision: torch.dtype) -> Tensor:
    """Logits in float32 (batch, classes), computed by autocast where `precision` is a smaller format.

    Autocast has no cache here: it would keep the weights as they are now until a block around this one ends.
    """
    reduced = precision is not torch.float32
    kind = images.device.type
    with torch.autocast(kind, dtype=torch.bfloat16, enabled=reduced, cache_enabled=False):
        result: Tensor = network(images)
    return result.float()


def eager_step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    precision: torch.dtype,
    class_weights: Tensor | None = None,
) -> Step:
    """The step as PyTorch launches it, with the mean cross-entropy of the batch as the loss.

    Images labelled `IGNORED` count neither in the mean nor in the sum.

    Args:
        network: what is trained.
        optimizer: of its parameters.
        precision: of the forward pass, see `logits`.
        class_weights: (classes,) on the network's device: what the loss of an image of each class is
            multiplied by; None for 1.
    """

    def step(images: Tensor, labels: Tensor) -> Tensor:
        found, count = logits(network, images, precision), (labels != IGNORED).sum()
        if class_weights is None:
            loss = cross_entropy(found, labels)
        else:
            loss = cross_entropy(found, labels, class_weights, reduction="sum") / count
        try:
            loss.backward()
            optimizer.step()
        finally:  # gradients of a recording that fails are in memory of its own, and were never computed
            optimizer.zero_grad()
        return loss.detach() * count

    return step


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate, in place where it is a tensor: a recorded step reads it there."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class CudaRecorder:
    """CUDA graphs, by the procedure in PyTorch's documentation ("CUDA semantics", whole-network capture).

    Args:
        device: where steps run.

    Attributes:
        failed: whether a recording has failed. Steps can usually be launched then, but PyTorch may leave its
            allocator and its random generator in any state (in older versions, one in which every dropout
            fails), so the process should train no other network.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.failed = False

    def warm_up(self, step: Callable[[], Tensor]) -> Tensor:
        """Run a step where it will be recorded: nothing of the default stream may enter a graph."""
        here, aside = torch.cuda.current_stream(self._device), _aside(self._device)
        aside.wait_stream(here)
        try:
            with torch.cuda.stream(aside):
                return step()
        finally:  # even if it fails: the weights' memory belongs to the other stream, and may be reused
            here.wait_stream(aside)

    def record(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record a step, without running it, as a graph with memory of its own; waits for the device.

        What is returned runs the step, and returns the same tensor each time.
        """
        # An older graph that is freed later would spoil this recording, or take from its graph the memory
        # that cuBLAS works in, which belongs to their stream. A reference cycle may keep one alive.
        gc.collect()
        graph, aside = torch.cuda.CUDAGraph(), _aside(self._device)
        recording = torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local")
        try:
            # PyTorch's context leaves neither its stream nor the device as they were if its own end fails.
            with torch.cuda.stream(aside), recording:
                loss = step()
        except BaseException:
            self.failed = True
            raise

        def replay() -> Tensor:
            graph.replay()
            return loss

        return replay


@cache
def _aside(device: torch.device) -> torch.cuda.Stream:
    """The one stream of this process on which steps are warmed up and recorded.

    Memory and the workspaces of CUDA's libraries belong to streams: with a new one each time they would grow.
    So a graph must not be replayed after another of the stream has gone: PyTorch 2.14 then frees the
    workspaces of both (its issue 193402).
    """
    return torch.cuda.Stream(device)


class GraphedStep:
    """A step recorded once and then replayed, for networks that compute faster than they are launched.

    The first batches are trained on as usual, which also makes the optimizer allocate its state: weights and
    optimizer state may be replaced before the first call, and not later. Then the step is recorded for
    batches of the shape of the first one. Batches of another shape always go the usual way, and so do all if
    it cannot be recorded: a recording executes nothing, so the training is as if there had been none.
    """

    def __init__(self, step: Step, recorder: CudaRecorder) -> None:
        self._step = step
        self._recorder = recorder
        self._warmed_up = 0
        self._batch: tuple[Tensor, Tensor] | None = None
        self._replay: Callable[[], Tensor] | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Train on a batch. Raises what recording it raises if the device is lost."""
        if self._batch is None:
            self._batch = torch.empty_like(images), torch.empty_like(labels)
        if self._recorder.failed or self._batch[0].shape != images.shape:
            return self._step(images, labels)
        if self._warmed_up < _WARM_UP:
            self._warmed_up += 1
            return self._recorder.warm_up(lambda: self._step(images, labels))
        self._batch[0].copy_(images)
        self._batch[1].copy_(labels)
        if self._replay is None:
            self._replay = self._recorded(*self._batch)
        return self._replay() if self._replay else self._step(images, labels)

    def _recorded(self, images: Tensor, labels: Tensor) -> Callable[[], Tensor] | None:
        """The step on whatever these tensors hold, recorded; None if that fails."""
        try:
            return self._recorder.record(lambda: self._step(images, labels))
        except RuntimeError as error:
            if is_lost(images.device):
                raise
            why = failed_allocation(error) or first_line(error)
            _LOG.warning("a step cannot be recorded as a CUDA graph, so all are launched: %s", why)
        give_back(images.device)  # not earlier: the error keeps what the recording has taken
        return None
