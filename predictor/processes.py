"""Work shared among processes of one thread each."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from joblib import Parallel, parallel_config

from predictor.errors import PredictorError
from predictor.interrupts import HANGUP, ignored_by_children

R = TypeVar("R")
Progress = Callable[[Iterator[R], int], Iterable[R]]
"""Passes on the results as they come in; the second argument is how many there will be."""


def in_processes(calls: Iterable[Any], n: int, jobs: int, progress: Progress[R] | None = None) -> list[R]:
    """The results of all calls, in order.

    Args:
        calls: made by `joblib.delayed`.
        n: how many there are.
        jobs: processes, of one thread each; with 1, this one does the work.
        progress: a `Progress`, or None.

    Raises:
        PredictorError: one of the processes was killed.
    """
    warnings.filterwarnings("ignore", r"\d+ tasks (which|have)", UserWarning, "joblib")  # after an interrupt
    with parallel_config("loky", inner_max_num_threads=1):
        with ignored_by_children(signal.SIGINT, *HANGUP):
            running: Iterator[R] = Parallel(n_jobs=min(jobs, n), return_as="generator")(calls)
        try:
            return list(progress(running, n) if progress else running)
        except BrokenProcessPool:
            raise PredictorError(
                f"one of {min(jobs, n)} processes was killed, as the system does when memory runs short: "
                "fewer jobs need less"
            ) from None
