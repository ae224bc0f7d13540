"""Each measurement is printed at once: the machine with the GPU may be taken back before the end."""

from types import SimpleNamespace

import compilation
import pytest
from gpu_training import PUBLISHED
from training_loop import SUBJECTS, Subject

from trainers.image_training import ImageTrainer


def test_each_network_is_told_before_the_next_is_measured(monkeypatch, capsys):
    told = []

    def row(subject, *_):
        told.append(capsys.readouterr().out)
        if len(told) == 3:
            raise KeyboardInterrupt
        return [subject.name, *"1234567"]

    monkeypatch.setattr(compilation, "start_compiler", lambda *_: 1.0)
    monkeypatch.setattr(compilation, "row", row)
    monkeypatch.setattr("sys.argv", ["compilation.py"])
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "as before")  # main sets another one
    with pytest.raises(KeyboardInterrupt):
        compilation.main()
    first, *_ = SUBJECTS
    assert "the compiler started in 1.0 s" in told[0]
    assert told[1] == f"| {first.name} | 1 | 2 | 3 | 4 | 5 | 6 | 7 |\n"


def test_on_a_gpu_the_networks_are_those_that_make_up_the_time_of_a_search(monkeypatch):
    found = []
    monkeypatch.setattr(compilation, "choose_device", lambda name: SimpleNamespace(type="cpu"))
    monkeypatch.setattr(compilation, "start_compiler", lambda *_: 1.0)
    monkeypatch.setattr(compilation, "row", lambda subject, *_: found.append(subject) or [])
    monkeypatch.setattr("sys.argv", ["compilation.py", "--device", "cuda"])
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "as before")
    compilation.main()
    assert found == list(PUBLISHED)


def test_compiled_steps_are_compared_with_what_a_search_does_replayed_steps_among_them(monkeypatch):
    """Recording only remembers the step here; it is over before the clock starts."""
    events = []

    class Recorder:
        failed = False

        def __init__(self, device):
            pass

        def warm_up(self, step):
            events.append("warm-up")
            return step()

        def record(self, step):
            events.append("record")
            return lambda: events.append("replay") or step()

    def seconds_of(state, *given, measure=compilation.seconds_of):
        events.append("clock")
        return measure(state, *given)

    monkeypatch.setattr("trainers.training.CudaRecorder", Recorder)
    monkeypatch.setattr(ImageTrainer, "_graphed", lambda self, _: self._cuda_graphs is None)
    monkeypatch.setattr(compilation, "compiled_start", lambda owner, it: owner.launching().start(it, seed=0))
    monkeypatch.setattr(compilation, "seconds_of", seconds_of)
    compilation.row(Subject("tiny", compilation.TINY, 1), "cpu", "float32", 1, 0.0)
    last = events[len(events) - events[::-1].index("record") :]
    assert last.count("clock") >= 2
    assert last.count("replay") > 3
