"""Work shared among processes of one thread each."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, parallel_config

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
    with parallel_config("loky", inner_max_num_threads=1):
        with _ctrl_c_for_this_process_alone():
            running: Iterator[R] = Parallel(n_jobs=min(jobs, n), return_as="generator")(calls)
        return list(progress(running, n) if progress else running)


@contextmanager
def _ctrl_c_for_this_process_alone() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started in this block, and let it wait until then.

    The terminal sends it to all of them, and they would print tracebacks. joblib ends them.
    """
    if not hasattr(signal, "pthread_sigmask"):  # as on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # processes and threads inherit it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
