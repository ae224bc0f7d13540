"""Ctrl-C while a library is being loaded."""

import os
import signal
import sys
import time
from importlib import import_module

import pytest

from predictor.interrupts import interrupt_between_imports


@pytest.fixture(autouse=True)
def same_handler_afterwards():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_waits_for_the_end_of_an_import(tmp_path, monkeypatch):
    send_it = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.05)\nwhole = True\n"
    (tmp_path / "interrupted_library.py").write_text(send_it)
    monkeypatch.syspath_prepend(tmp_path)
    interrupt_between_imports()

    def load():
        import_module("interrupted_library")
        for _ in range(500):
            time.sleep(0.02)

    with pytest.raises(KeyboardInterrupt):
        load()
    assert sys.modules.pop("interrupted_library").whole


def test_ctrl_c_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_between_imports()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)  # it would have struck by now
