"""Real signals arrive after a protected block, never within."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import pytest

from metaqnn.interrupts import SIGNALS, TimeUp, time_limit, uninterrupted
from predictor.interrupts import dropped_interrupts_repeated, interrupt_on_signals


def send(number):
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # an unprotected process would not get beyond this


def protected(steps, number, times=1):
    with uninterrupted():
        for _ in range(times):
            send(number)
        steps.append("the rest of the block")
    steps.append("unreachable")


def test_without_protection_the_signal_strikes_at_once():
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)


def test_ctrl_c_is_delivered_when_the_block_is_done():
    steps = []
    with pytest.raises(KeyboardInterrupt):
        protected(steps, signal.SIGINT)
    assert steps == ["the rest of the block"]


def test_termination_too():
    interrupt_on_signals()
    steps = []
    with pytest.raises(KeyboardInterrupt):
        protected(steps, signal.SIGTERM, times=2)
    assert steps == ["the rest of the block"]


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with uninterrupted():
        send(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT])
def test_an_ignored_signal_does_not_hide_another(ignored):
    interrupt_on_signals()
    signal.signal(ignored, signal.SIG_IGN)
    steps = []

    def both():
        with uninterrupted():
            send(ignored)
            send(signal.SIGTERM)
            steps.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        both()
    assert steps == ["the rest of the block"]


@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("first", SIGNALS[:2])
def test_a_signal_while_handlers_are_exchanged_leaves_none_behind(first, threads, monkeypatch):
    """With another thread, the system may deliver it there."""
    for _ in range(threads):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
    interrupt_on_signals()
    before, install, times = [signal.getsignal(number) for number in SIGNALS], signal.signal, []

    def interrupted(number, handler):
        result = install(number, handler)
        times.append(number)
        if len(times) in (1, len(SIGNALS) + 1):  # after the first handler, on entering and on leaving
            os.kill(os.getpid(), first)
        return result

    def block():
        with uninterrupted():
            pass

    monkeypatch.setattr(signal, "signal", interrupted)
    with pytest.raises(KeyboardInterrupt):
        block()
    monkeypatch.undo()
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_blocks_may_be_nested():
    steps = []

    def outer():
        with uninterrupted():
            with uninterrupted():
                send(signal.SIGINT)
            steps.append("the rest of the outer block")

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert steps == ["the rest of the outer block"]


def test_handlers_are_put_back_after_success_and_failure():
    before = [signal.getsignal(number) for number in SIGNALS]
    with uninterrupted():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    with pytest.raises(ZeroDivisionError), uninterrupted():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_other_threads_may_use_it():
    done = []

    def work():
        with uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_time_limit_that_passes_in_a_weak_references_callback_still_ends_the_work():
    """Python drops what is raised there: a search ran on to the end of its schedule."""

    class Thing:
        pass

    def spend_time(_reference):
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            pass

    def work():
        thing = Thing()
        _gone = weakref.ref(thing, spend_time)
        del thing
        for _ in range(100):
            time.sleep(0.02)

    with dropped_interrupts_repeated(), pytest.raises(TimeUp), time_limit(0.1):
        work()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_under_standard_error_costs_nothing_but_what_is_said_there(tmp_path):
    few = ("--schedule", "1.0:1", "--epochs", "1", "--layer-limit", "2", "--conv-widths", "8")
    few += ("--train-limit", "100", "--validation-size", "50", "--device", "cpu")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "metaqnn", "run", "--run-dir", str(tmp_path / "run"), *few],
            stderr=full,
            stdout=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 0
    assert "1 of 1 network:" in done.stdout
