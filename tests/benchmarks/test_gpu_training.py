"""What is compared on a GPU computes as it says."""

import gpu_training
import torch
from training_loop import SUBJECTS


def test_only_the_plain_loop_computes_by_the_defaults_of_pytorch(monkeypatch):
    """A tutorial's convolutions are rounded to TF32, which is several times faster than what ours do."""
    tf32, names = {}, ("plain", "ours, float32", "ours, auto", "ceiling, auto")

    def loops(*_):
        return {name: lambda n=name: tf32.update({n: torch.backends.cudnn.allow_tf32}) for name in names}

    monkeypatch.setattr(gpu_training, "loops", loops)
    for run in gpu_training.compared(SUBJECTS[0], "cpu", 0).values():
        run()
    assert tf32 == dict.fromkeys(names, False) | {"plain": True}
