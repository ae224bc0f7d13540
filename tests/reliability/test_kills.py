"""kill -9 at any moment: what is found in the end is what the undisturbed search found."""

import os

import pytest

from metaqnn.database import ReplayDatabase

KILLS = int(os.environ.get("METAQNN_KILLS", "2"))
EVERY, DEFAULT = ("--checkpoint-every", "0"), ()
"""How often networks in training are saved: after every epoch, or by default, only the last of these."""


class Killed(BaseException):
    """Stands for kill -9: nothing in the program may catch it."""


def test_there_is_something_to_compare(undisturbed):
    networks, samples, epochs, decisions = undisturbed.outcome()
    assert len(networks) == 8
    assert len(samples) >= 8
    assert len(epochs) > 15
    assert decisions
    assert len(undisturbed.weights()) == 2


@pytest.mark.parametrize(
    ("saved", "how"),
    [
        (EVERY, "files"),
        (DEFAULT, "moments"),
        pytest.param(EVERY, "moments", marks=pytest.mark.slow),
        pytest.param(DEFAULT, "files", marks=pytest.mark.slow),
    ],
)
def test_killed_at_steps_of_the_files_and_at_random_moments(new_run, undisturbed, killed, how, saved):
    """METAQNN_KILLS processes, each going on where the one before died; then the next search."""
    kills = 0
    while kills < KILLS:
        run = new_run(f"run-{kills}")
        command = ("run", "--run-dir", run.folder, "--quiet", *run.options, *saved)
        kills += killed(how, KILLS - kills, *command)
        run.assert_same(undisturbed)


@pytest.mark.parametrize("saved", [EVERY, pytest.param(DEFAULT, marks=pytest.mark.slow)])
def test_killed_at_every_write_of_the_search(new_run, undisturbed, monkeypatch, saved):
    """Every process gets one write further than the one before, and dies just after it."""
    run, kills = new_run(), 0

    def wrap(name):
        original = getattr(ReplayDatabase, name)

        def write(*args, **kwargs):
            original(*args, **kwargs)
            raise Killed

        monkeypatch.setattr(ReplayDatabase, name, write)

    for name in ("propose", "repeat", "add_epoch", "finish"):
        wrap(name)
    while True:
        try:
            assert run.here(*saved) == 0
            break
        except Killed:
            kills += 1
    assert kills > 30
    run.assert_same(undisturbed)
