"""Curves of earlier trainings in a file, with which a single training in any program is compared.

    store = CurveStore("curves.npz", T=20, metric="accuracy")
    with store.training(rule, {"learning_rate": 0.1}) as training:
        for epoch in range(20):
            if training.report(train_and_validate()).stop:
                break

Without `with`, call `training.end()` after the loop: nothing is stored before that. The file is an `.npz` of
`predictor.LearningCurves`, which `python -m predictor simulate` reads, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock

from predictor.curves.arrays import Floats, last_known
from predictor.curves.course import in_percent, rising_shares, wrong_way
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.metrics import Direction, NamedMetric, direction_of, metric_of, name_of
from predictor.curves.npz import read_npz, write_npz
from predictor.errors import CurvesError
from predictor.files import replace_whole
from predictor.integrations.running import RunningTraining
from predictor.integrations.trainings import (
    CurveFormat,
    Training,
    logger,
    parameters_by_name,
    tell_other_length,
    without_leg,
)
from predictor.rules.base import StoppingRule


class CurveStore:
    """The curves of all trainings that ended, in order of ending, in one file.

    Any number of processes may read and add at the same time: the file is replaced as a whole, under a lock
    (`NAME.npz.lock` beside it). A training is added when it ends; one that crashed or was killed never is.

    Args:
        path: an `.npz` file, made when the first training ends; its folder is made when it begins. A relative
            path starts from the program's present folder, even if the program changes to another one later.
        T: epochs of a full training.
        metric: of the values, as in `LearningCurves`; `val_acc` is stored as `accuracy`. None takes
            it from the file, or else from what the first training monitors.
        direction: of the metric; None takes it from its name.

    Raises:
        CurvesError: for another kind of file, and for one whose curves have another T, metric or direction.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        T: int,
        *,
        metric: str | None = None,
        direction: Direction | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self.T = T
        if self.path.suffix != ".npz":
            raise CurvesError(f"{self.path}: curves are kept in an .npz file, such as curves.npz")
        CurveFormat(T)  # checks it
        self.metric = metric and name_of(metric, direction)
        self.direction = direction or (direction_of(metric) if metric else None)
        self._said = metric is not None
        self._read: tuple[tuple[int, ...], LearningCurves] | None = None
        self._empty: LearningCurves | None = None
        self._told = self._told_dropped = self._told_course = False
        if stored := self._stored():
            self._adopt(stored)

    def monitor(self, name: str) -> None:
        """Take metric and direction, unless they are known, from the name of a monitored value: `val_loss`.

        Raises:
            CurvesError: if the name has no direction and none was given, or it has the other one; or if it
                names another metric than that of the earlier trainings, and the store was not given one.
        """
        found = metric_of(name)
        told = found.direction if found else None
        direction = self.direction or told
        if direction is None:
            raise CurvesError(
                f"{name!r} does not say whether more is better; say CurveStore(..., direction='minimize') "
                "or 'maximize'"
            )
        if found and told not in (None, direction):
            say = f"say CurveStore(..., metric={found.name!r}, direction={told!r}), or use another file"
            raise CurvesError(
                f"{self.path}: {name!r} is {told}d, but the store's {self.metric or 'metric'} {direction}d; "
                f"{'use another file' if self._stored() else say}"
            )
        if found and self.metric and not self._said and found.name != name_of(self.metric):
            raise CurvesError(
                f"{self.path}: its trainings have metric = {self.metric!r}, but {name!r} is {found.name}; "
                f"use another file, or say CurveStore(..., metric={self.metric!r})"
            )
        self.metric, self.direction = self.metric or name_of(name, direction), direction

    def history(self) -> LearningCurves:
        """All trainings that ended so far; the same object until there is another one."""
        if stored := self._stored():
            return stored
        if self._empty is None or self._empty.metric != self.metric:
            self._empty = self._format(()).curves([])
        return self._empty

    def _stored(self) -> LearningCurves | None:
        with self._disk_errors("read"):
            try:
                status = self.path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        version = status.st_ino, status.st_size, status.st_mtime_ns
        if self._read is None or self._read[0] != version:
            self._read = version, self._from_file()
        return self._read[1]

    def format(self, parameters: Sequence[str]) -> CurveFormat:
        """The format of trainings with these parameters; `CurvesError` if the stored ones have others."""
        history = self.history()
        stored = [*history.architecture, *history.hyperparameters]
        if len(history) and sorted(stored) != sorted(parameters):
            raise CurvesError(
                f"{self.path}: its trainings have the parameters {sorted(stored)}, "
                f"but this one has {sorted(parameters)}; use another file"
            )
        return self._format(tuple(parameters))

    def _format(self, parameters: tuple[str, ...]) -> CurveFormat:
        if self.metric is None:
            raise CurvesError(
                f"{self.path}: unknown whether more is better; say CurveStore(..., metric='accuracy'), or "
                "'loss', or another name with direction='maximize' or 'minimize'"
            )
        return CurveFormat(self.T, self.metric, self.direction, parameters)

    def training(
        self, rule: StoppingRule, parameters: Mapping[str, float | None] | None = None
    ) -> RunningTraining:
        """A new training; `CurvesError` if its result could not be stored here."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CurvesError(f"{self.path}: its folder cannot be made: {error.strerror}") from None
        if not os.access(self.path.parent, os.W_OK):
            raise CurvesError(f"{self.path}: cannot be written: no permission for its folder")
        return RunningTraining(self, rule, parameters or {})

    def add(
        self,
        values: Sequence[float],
        parameters: Mapping[str, float | None] | None = None,
        *,
        leg: LearningCurves | None = None,
    ) -> None:
        """Add a training that ended after these values, NaN where not observed, if there is any.

        A training that was resumed replaces its earlier `leg`, one curve. `CurvesError` unless the values are
        those of one training.
        """
        observed = _of_one_training(values)[: self.T]
        if not np.isfinite(observed).any() or np.isinf(observed[0]):
            return
        with self._disk_errors("written"), FileLock(f"{self.path}.lock"):
            parameters = parameters_by_name(parameters or {})
            curve = self.format(list(parameters)).curves([Training(values, parameters)])
            history = without_leg(self.history(), leg) if leg is not None else self.history()
            curves = LearningCurves.concatenate(history, curve) if len(history) else curve
            replace_whole(self.path, lambda temporary: write_npz(curves, temporary))
        self._tell_course(curves)

    @contextmanager
    def _disk_errors(self, done: str) -> Iterator[None]:
        """Raise errors of the disk, while the file is read or written, as a `CurvesError` of one line."""
        try:
            yield
        except OSError as error:
            raise CurvesError(f"{self.path}: cannot be {done}: {error.strerror or error}") from None

    def _from_file(self) -> LearningCurves:
        with self._disk_errors("read"):
            try:
                return read_npz(self.path)
            except CurvesError as error:
                raise CurvesError(f"{self.path}: {error}") from None

    def _adopt(self, stored: LearningCurves) -> None:
        """Take metric and direction from the file; refuse a file that contradicts what was given."""
        direction = self.direction or stored.direction
        wanted = CurveFormat(self.T, self.metric or stored.metric, direction).curves([])
        one_metric = name_of(stored.metric) == wanted.metric  # of any spelling
        for fact in ("T", "direction", "metric") if one_metric else ("T", "metric", "direction"):
            found, asked = getattr(stored, fact), getattr(wanted, fact)
            if found != asked:
                raise CurvesError(
                    f"{self.path}: its trainings have {fact} = {found!r}, not {asked!r}; use another file"
                )
        self.metric, self.direction = stored.metric, stored.direction

    def _tell_course(self, curves: LearningCurves) -> None:
        """Warn once if the curves cannot be of the metric: they go the other way, or are of two units."""
        if self._told_course:
            return
        n, shares = len(curves), rising_shares(curves.values)
        if way := wrong_way(NamedMetric(curves.metric, curves.direction), curves.values):
            said = f"metric = {curves.metric!r}, which {way} trainings; if less is better, say another metric"
        elif 1 < shares < n and in_percent(curves.metric, curves.values):
            said = (
                f"{shares} of {n} trainings go up within 0 to 1, beside percentages; if these are fractions"
            )
            said = f"{said}, report all alike"
        else:
            return
        logger.warning("%s: %s, and use another file", self.path, said)
        self._told_course = True

    def tell_other_length(self, epochs: int) -> None:
        """Warn once if trainings end by themselves after this many epochs, and none comes to T."""
        if not self._told and epochs not in (0, self.T):
            ends = last_known(self.history().values) + 1
            lengths = [int(end) for end in ends if end in (epochs, self.T)]
            self._told = tell_other_length(self.T, lengths)

    def tell_dropped(self) -> None:
        """Warn once if a training is dropped that was never ended."""
        if not self._told_dropped:
            logger.warning(
                "%s: a training was never ended, so it is not added; write with store.training(...) as "
                "training:, or call training.end() after its last value",
                self.path,
            )
            self._told_dropped = True

    def tell_passed(self, epoch: int) -> None:
        """Warn once if a training goes on after T."""
        if not self._told:
            logger.warning(
                "T = %d, but a training came to epoch %d: epochs after T are ignored", self.T, epoch
            )
            self._told = True


def _of_one_training(values: Sequence[float]) -> Floats:
    try:
        one = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        one = np.empty(())
    if one.ndim != 1:
        raise CurvesError(f"values = {values!r}; expected those of one training, one number per epoch")
    return one
