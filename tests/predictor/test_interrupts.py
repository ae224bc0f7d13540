"""Ctrl-C while a library is being loaded, and where Python drops exceptions."""

import os
import signal
import sys
import time
import weakref
from importlib import import_module

import pytest

from predictor.interrupts import interrupt, interrupt_on_signals
from predictor.output import run_program


@pytest.fixture(autouse=True)
def same_handler_afterwards():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of shells ignore it
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_waits_for_the_end_of_an_import(tmp_path, monkeypatch):
    send_it = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.05)\nwhole = True\n"
    (tmp_path / "interrupted_library.py").write_text(send_it)
    monkeypatch.syspath_prepend(tmp_path)
    interrupt_on_signals()

    def load():
        import_module("interrupted_library")
        for _ in range(500):
            time.sleep(0.02)

    with pytest.raises(KeyboardInterrupt):
        load()
    assert sys.modules.pop("interrupted_library").whole


def test_ctrl_c_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_on_signals()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)  # it would have struck by now


def test_a_callers_own_handler_stays():
    signal.signal(signal.SIGINT, handler := lambda *_: None)
    interrupt_on_signals()
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_weak_references_callback_still_ends_a_command(number, monkeypatch, capfd):
    """Python drops what is raised there. The other signal is ignored, as in a shell's background."""
    monkeypatch.setattr("predictor.output.interrupt_on_signals", lambda: None)
    before = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(number, interrupt)

    class Thing:
        pass

    def command():
        thing = Thing()
        _gone = weakref.ref(thing, lambda _: os.kill(os.getpid(), number))
        del thing
        for _ in range(100):
            time.sleep(0.02)
        return 0

    try:
        assert run_program("test", command, lambda error: None) == 130
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert capfd.readouterr().err == "\ninterrupted\n"
