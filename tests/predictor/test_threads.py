"""Linear algebra of rules on one thread."""

import numpy as np
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from predictor.threads import one_thread


def threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_takes_one_thread_inside_and_as_many_as_before_outside():
    assert np.ones((2, 2)) @ np.ones(2) is not None
    with threadpool_limits(2, user_api="blas"):
        assert set(threads()) == {2}
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {2}


def test_where_there_is_one_thread_already_nothing_is_set(monkeypatch):
    with threadpool_limits(1, user_api="blas"):
        monkeypatch.setattr(ThreadpoolController, "limit", None)
        with one_thread():
            assert set(threads()) == {1}
