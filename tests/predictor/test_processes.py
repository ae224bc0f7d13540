"""Work in processes of one thread each, and its end by Ctrl-C."""

import multiprocessing
import time

import pytest
from joblib import delayed
from joblib._parallel_backends import LokyBackend

from predictor.processes import in_processes


def test_results_come_in_the_order_of_the_calls_and_pass_through_the_progress():
    def doubled(results, n):
        assert n == 3
        return (2 * result for result in results)

    calls = (delayed(abs)(number) for number in (-3, 1, -2))
    assert in_processes(calls, 3, 2, doubled) == [6, 2, 4]


@pytest.mark.filterwarnings("ignore")  # joblib's, of abandoned tasks
@pytest.mark.parametrize("twice", [False, True])
def test_ctrl_c_ends_the_processes_at_once_also_if_it_comes_a_second_time(twice, monkeypatch):
    """The second interrupt here strikes while joblib ends them."""

    def interrupted(results, n):
        yield next(results)
        raise KeyboardInterrupt

    def again(backend, ensure_ready=True):
        raise KeyboardInterrupt

    if twice:
        monkeypatch.setattr(LokyBackend, "abort_everything", again)
    with pytest.raises(KeyboardInterrupt):
        in_processes((delayed(time.sleep)(60 * number) for number in range(3)), 3, 2, interrupted)
    deadline = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not multiprocessing.active_children()
