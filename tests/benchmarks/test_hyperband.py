"""Which replays of an earlier run a later one takes over."""

from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("optuna")
from hyperband import Done, replay_all

CHOSEN = Namespace(seeds=1, kappa=[1 / 3], delta=0.95, burn_in=100, settings=1000)


@pytest.fixture
def replayed(tmp_path):
    """replayed(folder, heights): the replays of curves of these heights in FOLDER/curves.csv."""
    done = Done(tmp_path / "replays.jsonl")

    def run(folder, heights, **changes):
        file = tmp_path / folder / "curves.csv"
        file.parent.mkdir(exist_ok=True)
        rows = [",".join(f"{h * (1 - 0.5**t):.4f}" for t in range(1, 10)) for h in heights]
        file.write_text("\n".join([",".join(f"acc_{t}" for t in range(1, 10)), *rows]) + "\n")
        return replay_all(file, Namespace(**{**vars(CHOSEN), **changes}), done, np.inf)

    return run


def test_replays_of_other_curves_in_a_file_of_the_same_name_are_not_taken_over(replayed):
    assert replayed("one", [0.5, 0.6, 0.7])["none"] == [(27, pytest.approx(0.7, abs=0.01))]
    assert replayed("other", [0.5, 0.6])["none"] == [(18, pytest.approx(0.6, abs=0.01))]


def test_replays_by_a_kappa_that_is_nearly_the_same_are_not_taken_over(replayed):
    found = replayed("one", [0.5, 0.6, 0.7], kappa=[0.33, 1 / 3])
    assert len(found) == 4


def test_replays_by_other_code_are_not_taken_over(replayed, monkeypatch):
    replayed("one", [0.5, 0.6, 0.7])
    monkeypatch.setattr("hyperband.replay", lambda *_: (1, 0.5))
    assert replayed("one", [0.5, 0.6, 0.7])["none"] != [(1, 0.5)]
    monkeypatch.setattr("hyperband.code", lambda *_: "other code")
    assert replayed("one", [0.5, 0.6, 0.7])["none"] == [(1, 0.5)]
