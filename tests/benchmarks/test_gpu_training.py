"""What is compared on a GPU: the precisions, the networks and the steps."""

import gpu_training
import numpy as np
import pytest
import torch
from training_loop import BATCH, CLASSES, SHAPE, SUBJECTS

from state_space import preset
from trainers.steps import LAUNCH_BOUND


def test_only_the_plain_loop_computes_by_the_defaults_of_pytorch(monkeypatch):
    """A tutorial's convolutions are rounded to TF32, which is several times faster than float32."""
    tf32, names = {}, ("plain", "ours, float32", "ours, auto", "ceiling, auto")

    def loops(*_):
        return {name: lambda n=name: tf32.update({n: torch.backends.cudnn.allow_tf32}) for name in names}

    monkeypatch.setattr(gpu_training, "loops", loops)
    for run in gpu_training.compared(SUBJECTS[0], "cpu", 0).values():
        run()
    assert tf32 == dict.fromkeys(names, False) | {"plain": True}


def test_on_a_gpu_networks_are_timed_that_cost_as_the_median_the_mean_and_nine_in_ten_published_ones():
    rng = np.random.default_rng(1)
    costs = [preset("cifar10").sample(rng).macs(SHAPE, CLASSES) for _ in range(1000)]
    median, mean, high = (subject.macs for subject in gpu_training.subjects("cuda:1"))
    assert median == pytest.approx(np.median(costs), rel=0.2)
    assert mean == pytest.approx(np.mean(costs), rel=0.2)
    assert high == pytest.approx(np.percentile(costs, 90), rel=0.2)
    assert gpu_training.subjects("cpu") == SUBJECTS


def test_steps_are_compared_on_both_sides_of_what_a_search_records():
    work = [subject.macs * BATCH for subject in (*SUBJECTS, *gpu_training.BRACKET)]
    assert min(work) < LAUNCH_BOUND / 10
    assert max(work) > 2 * LAUNCH_BOUND


def test_everything_is_told_before_the_next_is_measured_small_steps_first(monkeypatch, capsys):
    told = []

    def timed(runs, rounds, clock):
        told.append(capsys.readouterr().out.strip().splitlines())
        return {name: [0.5] for name in runs}

    given = ["--networks", "2", "--images", "128", "--epoch", "64", "--side", "2"]
    monkeypatch.setattr("sys.argv", ["gpu_training.py", "--device", "cpu", *given])
    monkeypatch.setattr(gpu_training, "timed", timed)
    gpu_training.main()
    told.append(capsys.readouterr().out.strip().splitlines())
    names = [f"| {subject.name} |" for subject in SUBJECTS]
    _, *steps, first, second, schedule, small, middle, last = told
    assert [lines[0][: len(name)] for lines, name in zip(steps, names, strict=True)] == names
    networks = gpu_training.random_networks(2)
    for (line,), network in zip((first, second), networks, strict=True):
        assert line.startswith("0.50 s an epoch, ")
        assert line.endswith(f" M MAC/image: {network}")
    assert "2700 networks" in "".join(schedule)
    assert [lines[-1][: len(name)] for lines, name in zip((small, middle, last), names, strict=True)] == names
