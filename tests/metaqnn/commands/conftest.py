"""What every command is tested with."""

import signal

import pytest


@pytest.fixture(autouse=True)
def handlers_as_before():
    """Commands that can be interrupted put their own in place."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
