"""What is shown of a search while it runs."""

import errno
import re

import pytest

from metaqnn.cli import main
from metaqnn.commands.bars import Bars
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.executors import SerialExecutor


class Hostile:
    """Trains nothing: every network fails with a message that commands terminals."""

    chance = 0.1

    def train(self, architecture, *, seed, on_epoch, checkpoint=None):
        raise RuntimeError("first line\nsecond \x1b]0;pwned\x07")


def test_why_networks_failed_is_shown_in_lines_and_not_obeyed(new_database, open_search, capsys):
    _, database = new_database(schedule=EpsilonSchedule.parse("1.0:2"))
    search = open_search(database)
    bars = Bars(search)
    search.run(SerialExecutor(Hostile()), bars)
    bars.close()
    database.close()
    shown = capsys.readouterr().err
    for number in (1, 2):
        assert f"network {number} failed:\n" in shown
    assert len(re.findall(r"^second \\x1b\]0;pwned\\x07$", shown, re.MULTILINE)) == 2
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert len(re.findall(r"^search, epsilon 1: .* \d/2 \[.*\]$", shown, re.MULTILINE)) == 2


@pytest.mark.parametrize(
    ("name", "work"),
    [("train", "single.SingleTraining.run"), ("tune", "session.TuneSession.run")],
)
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (KeyboardInterrupt(), "interrupted; "),
        (OSError(errno.ENOSPC, "no space"), "metaqnn: error: cannot write"),
    ],
)
def test_the_last_line_of_an_interrupted_command_is_the_advice(
    tmp_path, monkeypatch, capsys, name, work, trouble, said
):
    """No bar is drawn below it."""

    def interrupted(*_):
        raise trouble

    monkeypatch.setattr(f"metaqnn.tune.{work}", interrupted)
    options = "--dataset digits --preset laptop --image-size 8 --epochs 2 --device cpu"
    main([name, "[C(4,3,1), SM(10)]", *options.split(), "--run-dir", str(tmp_path / "run")])
    assert capsys.readouterr().err.splitlines()[-1].startswith(said)
