"""One thread for linear algebra: trainings use the cores, and threads that wait for a core spin."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import scipy.linalg  # noqa: F401 - its library must be loaded before the controller looks for libraries
from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Within this context NumPy's and SciPy's BLAS use one thread; entering it takes microseconds.

    On two busy cores a Cholesky decomposition of 1,000 rows took fifty times as long on two threads.
    """
    if all(library.num_threads == 1 for library in _libraries().lib_controllers):
        return nullcontext()
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
