"""From settings to a trainer, also for a tuning that goes on."""

from metaqnn.config.environment import Environment
from metaqnn.tune.preparation import prepare_again
from metaqnn.tune.settings import TuneSettings


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
