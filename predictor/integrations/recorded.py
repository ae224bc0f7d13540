"""Curves of earlier trainings in a file: what a single training, in whatever program, is compared with.

    store = CurveStore("curves.npz", T=20)
    with store.training(rule, {"learning_rate": 0.1}) as training:
        for epoch in range(20):
            if training.report(train_and_validate()).stop:
                break

The file is an ``.npz`` of `predictor.LearningCurves`, as ``python -m predictor simulate`` reads it, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from filelock import FileLock

from predictor.curves.learning_curves import Direction, LearningCurves
from predictor.curves.reading import read_npz, write_npz
from predictor.errors import CurvesError
from predictor.integrations.trainings import CurveFormat, Training, decide
from predictor.rules.base import Decision, StoppingRule


class CurveStore:
    """The curves of all trainings that ended, in order of ending, in one file.

    Any number of processes may read and add at the same time: the file is replaced as a whole, under a lock
    (``NAME.npz.lock`` beside it). A training is added when it ends; one that crashed or was killed never is.

    Args:
        path: an ``.npz`` file; made, with its folder, when the first training ends.
        T: epochs of a full training.
        metric, direction: of the values, as in `LearningCurves`.

    Raises:
        CurvesError: for another kind of file, and for one with curves of other epochs, metric or direction.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        T: int,
        *,
        metric: str = "accuracy",
        direction: Direction | None = None,
    ) -> None:
        self.path = Path(path)
        self.T = T
        if self.path.suffix != ".npz":
            raise CurvesError(f"{self.path}: curves are kept in an .npz file, such as curves.npz")
        self._empty = CurveFormat(T, metric, direction).curves([])
        self._read: tuple[tuple[int, ...], LearningCurves] | None = None
        self._check(self.history())

    def history(self) -> LearningCurves:
        """All trainings that ended so far; the same object until there is another one."""
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return self._empty
        except OSError as error:
            raise CurvesError(f"{self.path}: cannot be read: {error.strerror}") from None
        version = status.st_ino, status.st_size, status.st_mtime_ns
        if self._read is None or self._read[0] != version:
            self._read = version, self._from_file()
        return self._read[1]

    def format(self, parameters: Sequence[str]) -> CurveFormat:
        """What trainings with these parameters have to be like.

        `CurvesError` if the stored ones have others.
        """
        history = self.history()
        stored = [*history.architecture, *history.hyperparameters]
        if len(history) and sorted(stored) != sorted(parameters):
            raise CurvesError(
                f"{self.path}: its trainings have the parameters {sorted(stored)}, "
                f"and this one {sorted(parameters)}; use another file"
            )
        return CurveFormat(self.T, self._empty.metric, self._empty.direction, tuple(parameters))

    def training(self, rule: StoppingRule, parameters: Mapping[str, float] | None = None) -> RunningTraining:
        """A training that begins; `CurvesError` if its result could not be stored here."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CurvesError(f"{self.path}: no such folder can be made: {error.strerror}") from None
        if not os.access(self.path.parent, os.W_OK):
            raise CurvesError(f"{self.path}: cannot be written: no permission for its folder")
        return RunningTraining(self, rule, parameters or {})

    def add(self, values: Sequence[float], parameters: Mapping[str, float] | None = None) -> None:
        """Add a training that ended after these values; without a first value there is nothing to add."""
        if not (len(values) and np.isfinite(values[0])):
            return
        with self._lock():
            parameters = parameters or {}
            curve = self.format(list(parameters)).curves([Training(values, parameters)])
            history = self.history()
            self._write(LearningCurves.concatenate(history, curve) if len(history) else curve)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(FileLock(f"{self.path}.lock"))
            except OSError as error:
                raise CurvesError(f"{self.path}: cannot be written: {error.strerror or error}") from None
            yield

    def _from_file(self) -> LearningCurves:
        try:
            return read_npz(self.path)
        except OSError as error:
            raise CurvesError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        except CurvesError as error:
            raise CurvesError(f"{self.path}: {error}") from None

    def _check(self, stored: LearningCurves) -> None:
        for fact in ("T", "metric", "direction"):
            found, wanted = getattr(stored, fact), getattr(self._empty, fact)
            if found != wanted:
                raise CurvesError(
                    f"{self.path}: its trainings have {fact} = {found!r}, these {wanted!r}; use another file"
                )

    def _write(self, curves: LearningCurves) -> None:
        temporary = self.path.with_suffix(".new.npz")
        try:
            write_npz(curves, temporary)
            _synchronise(temporary)
            temporary.replace(self.path)
            if os.name != "nt":  # which puts names onto the disk by itself
                _synchronise(self.path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise CurvesError(f"{self.path}: cannot be written: {error.strerror or error}") from None


def _synchronise(path: Path) -> None:
    """Put a file's content, or a folder's names, onto the disk."""
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RunningTraining:
    """One training: takes its values, answers with decisions, and is added to the store when it ends.

    As a context manager it ends with its block; after an exception, Ctrl-C included, it is not added: it did
    not come to its end and nobody decided to stop it.

    Attributes:
        values: y_1, y_2, ... so far. Assign the first ones when a training is resumed.
    """

    def __init__(self, store: CurveStore, rule: StoppingRule, parameters: Mapping[str, float]) -> None:
        self.values: list[float] = []
        self._store = store
        self._rule = rule
        self._parameters = dict(parameters)
        self._format = store.format(list(parameters))
        self._format.curves([Training([], self._parameters)])  # refuses what is not a number

    def report(self, value: float) -> Decision:
        """Take the value of the next epoch, and say whether to stop; `CurvesError` after T epochs."""
        self.values.append(float(value))
        training = Training(self.values, self._parameters)
        return decide(self._rule, training, self._store.history(), self._format)

    def end(self) -> None:
        """Add the training to the store."""
        self._store.add(self.values, self._parameters)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.end()
