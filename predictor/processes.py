"""Work shared among processes of one thread each."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from joblib import Parallel, parallel_config
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

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
    for text in (r"\d+ tasks (which|have)", "A worker stopped"):  # interrupted; replaced, as it had grown
        warnings.filterwarnings("ignore", text, UserWarning, "joblib")
    with parallel_config("loky", inner_max_num_threads=1):
        with ignored_by_children(signal.SIGINT, *HANGUP):
            running: Iterator[R] = Parallel(n_jobs=min(jobs, n), return_as="generator")(calls)
        try:
            return list(progress(running, n) if progress else running)
        except TerminatedWorkerError:
            raise PredictorError(
                f"one of {min(jobs, n)} processes was killed, as the system does when memory runs short: "
                "fewer jobs need less"
            ) from None
        except KeyboardInterrupt:
            _end_processes()
            raise


def _end_processes() -> None:
    """End joblib's processes, for which Python would wait at its exit.

    joblib does this when it is interrupted, unless a second interrupt keeps it from that.
    """
    with ignored_by_children(signal.SIGINT):
        get_reusable_executor(reuse=True, kill_workers=True).shutdown(wait=False, kill_workers=True)
