"""Saves a training in a thread while it goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from torch import Tensor

from trainers.checkpoint import Checkpoint, SavedTraining
from trainers.files import not_written
from trainers.memory import OutOfMemory, allocation_guard

_LOG = logging.getLogger(__name__)


class Saver:
    """Writes the epochs of one training to its checkpoint, one at a time, while the training goes on.

    What cannot be written costs a warning. Leaving the context waits for what is being written.

    Args:
        checkpoint: where, and how often.
        identity: which training it is.
    """

    def __init__(self, checkpoint: Checkpoint, identity: Mapping[str, str]) -> None:
        self._checkpoint = checkpoint
        self._identity = identity
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self._last = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        if error is None:
            self.wait()

    @property
    def due(self) -> bool:
        """Whether the checkpoint's time between two saves has passed."""
        return perf_counter() - self._last >= self._checkpoint.every

    def begin(self) -> None:
        """Write which training this is before there is time to save its first epoch."""
        # If that cannot be written, its epochs cannot either, which is told.
        with suppress(OSError, OutOfMemory), allocation_guard():
            self._checkpoint.begin(self._identity)

    def save(self, training: SavedTraining) -> None:
        """Copy a training to host memory and begin to write it, once the one before is written."""
        self.wait()
        self._last = perf_counter()
        try:
            with allocation_guard():
                network, optimizer = _on_host(training.network), _on_host(training.optimizer)
        except OutOfMemory as error:
            self._warn(training, f"out of memory: {error}")
        else:
            self._begin_to_write(replace(training, network=network, optimizer=optimizer))

    def wait(self) -> None:
        """Wait until everything is written. Raises what writing raised by a defect."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _begin_to_write(self, copied: SavedTraining) -> None:
        try:
            self._writing = self._thread.submit(self._write, copied)
        except RuntimeError as error:  # the system has no thread left
            self._thread = ThreadPoolExecutor(1, "checkpoint")  # the other one keeps what it was given
            self._warn(copied, str(error))

    def _write(self, training: SavedTraining) -> None:
        try:
            with allocation_guard():
                self._checkpoint.save(training, self._identity)
        except OSError as error:
            self._warn(training, not_written(self._checkpoint.path, error))
        except OutOfMemory as error:
            self._warn(training, f"out of memory: {error}")

    def _warn(self, training: SavedTraining, reason: str) -> None:
        epoch = training.reports[-1].epoch
        _LOG.warning("epoch %d is not saved; after a kill it is trained again: %s", epoch, reason)


def _on_host(value: Any) -> Any:
    """A copy of tensors in nested dictionaries, in host memory: a training changes its own in place."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    return {name: _on_host(part) for name, part in value.items()}
