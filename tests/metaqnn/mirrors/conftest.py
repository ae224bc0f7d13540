"""The finished search of `tests/metaqnn/conftest.py`, to be mirrored."""

import pytest

from metaqnn.mirrors.mirror import Mirror


@pytest.fixture
def networks(reader):
    """Everything that is known about each network, by number."""
    return {row.number: reader.network(row.number) for row in reader.ended()}


@pytest.fixture
def last_epochs(networks):
    """The epochs of each network's last attempt, as far as the search itself trained it."""
    return {
        number: [
            epoch
            for training in network["trainings"]
            if (training["purpose"], training["attempt"]) == ("search", network["attempt"])
            for epoch in training["epochs"]
        ]
        for number, network in networks.items()
    }


class Partial:
    """A search as a reader sees it when only the first n networks have ended."""

    def __init__(self, reader, n):
        self._reader = reader
        self._n = n

    def ended(self):
        return self._reader.ended()[: self._n]

    def __getattr__(self, name):
        return getattr(self._reader, name)


@pytest.fixture
def after(reader):
    """after(n): the reader when n networks have ended."""
    return lambda n: Partial(reader, n)


class Remembering(Mirror):
    """A mirror in memory."""

    place = "memory"

    def __init__(self, fail_at=None, reason="no space left"):
        self.networks = []
        self.fail_at = fail_at
        self.reason = reason

    def numbers(self):
        return {network.number for network in self.networks}

    def add(self, network):
        if len(self.networks) == self.fail_at:
            raise OSError(self.reason)
        self.networks.append(network)


@pytest.fixture
def remembering():
    return Remembering
