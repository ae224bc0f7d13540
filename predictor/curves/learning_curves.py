"""Learning curves as data: one type for a set of recorded, running or stopped trainings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from predictor.curves.arrays import Floats
from predictor.curves.choice import Wishes
from predictor.curves.metrics import Direction, direction_of, name_of
from predictor.errors import CurvesError

FACTS = ("scores", "observed", "completed", "diverged", "final")
"""Facts about each curve, worked out when they are first asked for."""
PERCENT = 100.0


@dataclass(frozen=True, eq=False)
class LearningCurves:
    """Learning curves of n trainings of at most T epochs, with what is known about each training beforehand.

    Args:
        values: (n, T) array. `values[i, t - 1]` is y_t of training i in the metric's own units. NaN where
            not observed: a run that was stopped, is still going on or was planned shorter than T is NaN after
            its last epoch. Infinities count as NaN.
        architecture, hyperparameters: mapping of name to (n,) array. Architecture parameters (AP) and
            hyper-parameters (HP). NaN where unknown, and infinities count as NaN; may be constant.
        metric: 'accuracy', 'perplexity', 'loss', 'error' or any other name. One that names a known metric
            becomes the name of that metric: `val_acc` becomes `accuracy`.
        direction: 'maximize', 'minimize' or None. None takes it from the metric's name
            (`predictor.curves.metrics`), and is refused for a name that does not tell.
        names: sequence of n strings or None. For example architecture strings.
        understood: how a file was understood, one line for people. Subsets do not keep it.

    Attributes:
        lasting: whether it is known that nobody will change the arrays, so that the same memory always holds
            the same curves. Subsets keep it.

    Note:
        *NaN inside a run* means that the run diverged there: what follows the first NaN is ignored, the run
        is not completed and has no y_T (`diverged` tells which). *Duplicates* are kept: they are different
        trainings. *Different lengths*: only runs of all T epochs are completed. A set may hold one curve or
        none, have T = 1, or hold equal curves; the models say what they need when they are fitted. Indexing
        with a slice, mask or integer array gives another set, an integer gives a set of one. Arrays are
        read-only views: the arrays passed in are not copied, and must not change while the set is used.

    Example:
        Three trainings of four epochs, of which the last one is still running:

        >>> import numpy as np
        >>> from predictor import LearningCurves
        >>> values = np.array([[0.3, 0.5, 0.6, 0.7], [0.2, 0.3, 0.3, 0.4], [0.4, 0.6, np.nan, np.nan]])
        >>> curves = LearningCurves(values, hyperparameters={"rate": np.array([0.1, 0.01, 0.1])})
        >>> len(curves), curves.T, curves.observed.tolist()
        (3, 4, [4, 4, 2])
        >>> curves[curves.completed].final.tolist()
        [0.7, 0.4]
    """

    values: Floats
    architecture: Mapping[str, Floats] = field(default_factory=dict)
    hyperparameters: Mapping[str, Floats] = field(default_factory=dict)
    metric: str = "accuracy"
    direction: Direction | None = None
    names: npt.NDArray[np.str_] | None = None
    understood: str = ""
    lasting: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] < 1:
            raise CurvesError(
                f"values have shape {values.shape}; expected (curves, epochs) with at least one epoch"
            )
        self._set("values", _read_only(values))
        for kind in ("architecture", "hyperparameters"):
            columns = {name: self._column(name, column) for name, column in getattr(self, kind).items()}
            self._set(kind, columns)
        direction = _checked_direction(self.metric, self.direction)
        self._set("metric", name_of(self.metric, direction))
        self._set("direction", direction)
        if self.names is not None:
            names = np.asarray(self.names, dtype=np.str_)
            if names.shape != (len(values),):
                raise CurvesError(f"names have shape {names.shape}; expected ({len(values)},), one per curve")
            self._set("names", names)
        if self.metric == "perplexity" and np.any(values <= 0):
            row, epoch = np.argwhere(values <= 0)[0]
            raise CurvesError(
                f"perplexity {values[row, epoch]} of curve {row} at epoch {epoch + 1} is not positive"
            )

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _column(self, name: str, column: npt.ArrayLike) -> Floats:
        array = np.asarray(column, dtype=np.float64)
        if array.shape != (len(self.values),):
            raise CurvesError(
                f"{name} has shape {array.shape}; expected ({len(self.values)},), one per curve"
            )
        infinite = np.isinf(array)
        return _read_only(np.where(infinite, np.nan, array) if infinite.any() else array)

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        metric: str | None = None,
        direction: Direction | None = None,
        curve: str | None = None,
        parameters: str | Sequence[str] | None = None,
    ) -> LearningCurves:
        """Curves of any tool: a file, folder, pattern, storage URL or search, or a file for each training.

        Args:
            path: see `predictor.curves.reading`; `understood` says how it was understood.
            metric: of the values, if the names of columns do not say it, or say it wrongly.
            direction: of the metric, likewise.
            curve: which columns are the curve: the name they have in common, or that of one of them.
            parameters: columns that are parameters, or one, and no others; None finds them.

        Raises:
            CurvesError: if the curves are not understood, or could be understood in several ways.
        """
        from predictor.curves.reading import read_curves  # the readers make objects of this class

        named = (parameters,) if isinstance(parameters, str) else parameters
        return read_curves(path, Wishes(metric, direction, curve, None if named is None else tuple(named)))

    @classmethod
    def concatenate(cls, *sets: LearningCurves) -> LearningCurves:
        """All curves of the given sets, in order; `CurvesError` unless metric, T and parameters agree."""
        if not sets:
            raise CurvesError("nothing to concatenate: expected at least one set of curves")
        first = sets[0]
        for other in sets[1:]:
            check_alike(first, other)

        def joined(kind: str) -> dict[str, Floats]:
            return {
                name: np.concatenate([getattr(curves, kind)[name] for curves in sets])
                for name in getattr(first, kind)
            }

        named = [s.names for s in sets if s.names is not None]
        return cls(
            values=np.concatenate([s.values for s in sets]),
            architecture=joined("architecture"),
            hyperparameters=joined("hyperparameters"),
            metric=first.metric,
            direction=first.direction,
            names=np.concatenate(named) if len(named) == len(sets) else None,
        )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> LearningCurves:
        if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:
            index = index[0]  # scikit-learn's way of taking rows, in cross_val_score for example
        where = index
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"curve {index} of {len(self)}")
            where = slice(index, index + 1 or None)
        part = LearningCurves(
            values=self.values[where],
            architecture={name: column[where] for name, column in self.architecture.items()},
            hyperparameters={name: column[where] for name, column in self.hyperparameters.items()},
            metric=self.metric,
            direction=self.direction,
            names=None if self.names is None else self.names[where],
        )
        part.know(**{fact: self.__dict__[fact][where] for fact in FACTS if fact in self.__dict__})
        if self.lasting:
            part.will_last()
        return part

    def will_last(self) -> None:
        """Say that the arrays are `lasting`."""
        self._set("lasting", True)

    def know(self, **facts: npt.NDArray[Any]) -> None:
        """Take some of the `FACTS` from a caller who knows them already."""
        for name, array in facts.items():
            self._set(name, _read_only(array))

    def __repr__(self) -> str:
        return (
            f"LearningCurves({len(self)} curves x {self.T} epochs, {self.metric}, "
            f"{self.completed.sum()} completed, architecture: {list(self.architecture)}, "
            f"hyperparameters: {list(self.hyperparameters)})"
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(n, T)."""
        return len(self), self.T

    @property
    def T(self) -> int:  # noqa: N802
        """Epochs of a completed run."""
        return int(self.values.shape[1])

    @cached_property
    def scores(self) -> Floats:
        """(n, T) values on the scale that models work on, larger is better; NaN where not observed.

        Accuracies (and everything maximized) stay as they are, perplexities become -log, and everything else
        that is minimized is negated. NaN from the first NaN of a run on.
        """
        scores = self.to_scores(self.values)
        return _read_only(np.where(np.arange(self.T) < self.observed[:, None], scores, np.nan))

    @cached_property
    def observed(self) -> npt.NDArray[np.int64]:
        """(n,) epochs observed before the first NaN."""
        return np.asarray(np.logical_and.accumulate(np.isfinite(self.values), axis=1).sum(axis=1))

    @cached_property
    def completed(self) -> npt.NDArray[np.bool_]:
        """(n,) whether all T epochs were observed."""
        return self.observed == self.T

    @cached_property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """(n,) whether values follow a NaN, or a value is infinite."""
        return np.asarray((~np.isnan(self.values)).sum(axis=1) > self.observed)

    @cached_property
    def final(self) -> Floats:
        """(n,) y_T in scores; NaN where the run was not completed."""
        return np.where(self.completed, self.to_scores(self.values[:, -1]), np.nan)

    @cached_property
    def possible(self) -> tuple[float, float]:
        """The smallest and the largest score that the metric can have, judging by its name and the values."""
        low, high = np.nanmin(self.scores, initial=np.inf), np.nanmax(self.scores, initial=-np.inf)
        if self.metric == "accuracy" and low >= 0 and high <= PERCENT:
            return 0.0, 1.0 if high <= 1 else PERCENT
        return -np.inf, 0.0 if self.metric in ("loss", "error") and high <= 0 else np.inf

    def to_scores(self, values: npt.ArrayLike) -> Floats:
        """The given values of this metric on the scale of `scores`."""
        array = np.asarray(values, dtype=np.float64)
        if self.metric == "perplexity":
            return np.asarray(-np.log(array))
        return array if self.direction == "maximize" else -array

    def to_values(self, scores: npt.ArrayLike) -> Floats:
        """The given scores in the metric's own units, the inverse of `to_scores`."""
        array = np.asarray(scores, dtype=np.float64)
        if self.metric == "perplexity":
            return np.asarray(np.exp(-array))
        return array if self.direction == "maximize" else -array

    def until(self, tau: int) -> LearningCurves:
        """The same curves as they were after epoch tau: NaN from epoch tau + 1 on."""
        values = self.values.copy()
        values[:, tau:] = np.nan
        return replace(self, values=values, understood="")


def _checked_direction(metric: str, direction: Direction | None) -> Direction:
    """The given direction, or that of the metric; `CurvesError` if there is none, or a wrong one."""
    found = direction or direction_of(metric)
    if found is None:
        raise CurvesError(
            f"metric {metric!r} does not say whether more is better; say direction='maximize' or 'minimize'"
        )
    if found not in ("maximize", "minimize"):
        raise CurvesError(f"direction {found!r}; expected 'maximize' or 'minimize'")
    if metric == "perplexity" and found == "maximize":  # its scores are -log
        raise CurvesError("perplexities are minimized; give what is maximized another name")
    return found


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def check_measure(curves: LearningCurves, others: LearningCurves) -> None:
    """Raise `CurvesError` unless two sets that are compared have one metric and direction.

    A metric that is said to go the other way than usual keeps the name it was given: `val_loss` and `loss`
    are one metric nevertheless.
    """
    if (name_of(curves.metric), curves.direction) != (name_of(others.metric), others.direction):
        raise CurvesError(
            f"curves of metric={curves.metric!r} ({curves.direction}) are compared with curves of "
            f"metric={others.metric!r} ({others.direction}); expected the same for both"
        )


def check_alike(a: LearningCurves, b: LearningCurves) -> None:
    """Raise `CurvesError` unless metric, T and parameters of two sets agree."""
    facts = {
        "metric": (a.metric, b.metric),
        "direction": (a.direction, b.direction),
        "number of epochs": (a.T, b.T),
        "architecture parameters": (sorted(a.architecture), sorted(b.architecture)),
        "hyper-parameters": (sorted(a.hyperparameters), sorted(b.hyperparameters)),
    }
    for fact, (one, other) in facts.items():
        if one != other:
            raise CurvesError(f"curves differ in {fact}: {one} and {other}")
