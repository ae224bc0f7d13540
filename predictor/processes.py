"""Work shared among processes of one thread each."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, parallel_config
from joblib.externals.loky import get_reusable_executor

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
    """
    with parallel_config("loky", inner_max_num_threads=1), _ended_on_interrupt():
        running: Iterator[R] = Parallel(n_jobs=min(jobs, n), return_as="generator")(calls)
        return list(progress(running, n) if progress else running)


@contextmanager
def _ended_on_interrupt() -> Iterator[None]:
    """End the processes at once if the block is interrupted.

    joblib does so, but a second interrupt keeps it from that. At its exit, Python would then wait forever for
    one that waits to send its result.
    """
    try:
        yield
    except KeyboardInterrupt:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        get_reusable_executor(reuse=True, kill_workers=True).shutdown(wait=False, kill_workers=True)
        signal.signal(signal.SIGINT, before)
        raise
