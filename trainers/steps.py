"""One training step: forward, backward and update, launched kernel by kernel or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

Step = Callable[[Tensor, Tensor], Tensor]
"""Trains on images and labels; returns the summed loss of the batch, which lives until the next call."""

LAUNCH_BOUND = 128e9
"""Multiply-accumulates of one batch below which kernels are expected to end before the next is launched: some
2 ms of work at 40% of an H100's bfloat16 rate, about what launching a deep network takes. Not measured."""

_WARM_UP = 3


def logits(network: nn.Module, images: Tensor, precision: torch.dtype) -> Tensor:
    """Logits in float32 (batch, classes), computed by autocast where `precision` is a smaller format."""
    reduced = precision is not torch.float32
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=reduced):
        result: Tensor = network(images)
    return result.float()


def eager_step(network: nn.Module, optimizer: torch.optim.Optimizer, precision: torch.dtype) -> Step:
    """The step as PyTorch launches it, with the mean cross-entropy of the batch as the loss."""

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = cross_entropy(logits(network, images, precision), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach() * len(labels)

    return step


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate, in place where it is a tensor: a recorded step reads it there."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class Recorder(Protocol):
    """What `GraphedStep` needs of a device; `CudaRecorder` is the one."""

    def warm_up(self, step: Callable[[], Tensor]) -> Tensor:
        """Run a step that is to be recorded later."""
        ...

    def record(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record a step without running it; the result runs it, and returns the same tensor each time."""
        ...


class CudaRecorder:
    """CUDA graphs, by the procedure in PyTorch's documentation ("CUDA semantics", whole-network capture)."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def warm_up(self, step: Callable[[], Tensor]) -> Tensor:
        """Run the step on a stream of its own, as nothing of the default stream may enter a graph."""
        here, aside = torch.cuda.current_stream(self._device), torch.cuda.Stream(self._device)
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            loss = step()
        here.wait_stream(aside)
        return loss

    def record(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record the step as a graph with memory of its own; this alone waits for the device."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), torch.cuda.graph(graph, capture_error_mode="thread_local"):
            loss = step()

        def replay() -> Tensor:
            graph.replay()
            return loss

        return replay


class GraphedStep:
    """A step recorded once and then replayed, for networks that compute faster than they are launched.

    The first batches are trained on as usual, which also makes the optimizer allocate its state: weights and
    optimizer state may be replaced before the first call, and not later. Then the step is recorded for
    batches of the shape of the first one. Batches of another shape, such as the last one of an epoch, always
    go the usual way.
    """

    def __init__(self, step: Step, recorder: Recorder) -> None:
        self._step = step
        self._recorder = recorder
        self._warmed_up = 0
        self._batch: tuple[Tensor, Tensor] | None = None
        self._replay: Callable[[], Tensor] | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Train on a batch."""
        if self._batch is None:
            self._batch = torch.empty_like(images), torch.empty_like(labels)
        if self._batch[0].shape != images.shape:
            return self._step(images, labels)
        if self._warmed_up < _WARM_UP:
            self._warmed_up += 1
            return self._recorder.warm_up(lambda: self._step(images, labels))
        return self._replayed(self._batch, images, labels)

    def _replayed(self, batch: tuple[Tensor, Tensor], images: Tensor, labels: Tensor) -> Tensor:
        batch[0].copy_(images)
        batch[1].copy_(labels)
        if self._replay is None:
            self._replay = self._recorder.record(lambda: self._step(*batch))
        return self._replay()
