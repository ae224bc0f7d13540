"""From settings to a trainer, also for a tuning that goes on."""

from types import SimpleNamespace

import numpy as np

from metaqnn.config.environment import Environment
from metaqnn.tune.preparation import prepare_again
from metaqnn.tune.presentation import data_lines
from metaqnn.tune.settings import TuneSettings
from trainers.families import WordDataset


def test_words_have_one_precision_and_no_note_on_it(tmp_path, monkeypatch):
    """Earlier versions stored "auto"."""
    monkeypatch.setattr("trainers.device._native_bfloat16", lambda device: True)
    for part in ("train", "valid", "test"):
        (tmp_path / f"ptb.{part}.txt").write_text("a b c\n" * 20)
    settings = TuneSettings.of({"family": "lstm", "dataset": "ptb", "preset": "laptop"})
    for before in ("auto", "float32"):
        place = Environment(data_dir=str(tmp_path), device="cpu", precision=before)
        prepared = prepare_again(settings, place, before, "tuning")
        assert (prepared.environment.precision, prepared.notes) == ("float32", ())


def test_what_has_changed_is_noted_for_words_too():
    data = WordDataset("ptb", ("<eos>", "<unk>"), *[np.zeros(3, dtype=np.int64)] * 3)
    lines = data_lines(SimpleNamespace(data=data, numbers={"training": 3}, notes=("torch is 3 here",)))
    assert lines[1:] == ["note        torch is 3 here"]
