"""Memory of a GPU: estimated, and given back."""

import numpy as np
import pytest
import torch

from state_space import Architecture, preset
from trainers import ImageDataset, Outcome, training_memory
from trainers.memory import process_memory

pytestmark = pytest.mark.gpu
MIB = 2**20
PARTS = ("parameters", "activations", "passing", "evaluation")


def test_a_trainer_that_does_not_train_takes_no_memory(cuda, trainer):
    before = torch.cuda.memory_allocated()
    kept = trainer()
    assert not kept.spent
    assert torch.cuda.memory_allocated() == before


def test_memory_is_given_back_after_every_training(cuda, trainer, fact):
    """This network takes some hundred MiB: kept, they would be reserved and not in use."""
    wide = Architecture.parse(f"[{', '.join(['C(512,3,1)'] * 4)}, GAP(10), SM(10)]")
    sizes = []
    for seed in range(4):
        trainer(epochs=1).train(wide, seed=seed)
        sizes.append((torch.cuda.memory_allocated() // MIB, torch.cuda.memory_reserved() // MIB))
    fact("MiB allocated and reserved after each of four trainings", sizes)
    assert sizes[-1][1] <= sizes[0][1] + 8
    assert max(reserved - allocated for allocated, reserved in sizes) <= 64


def test_attempts_that_fail_keep_no_memory(gpu, trainer, network, fact):
    """Every accuracy counts as chance here. On a CPU there is nothing to measure, but restarts there are."""
    peaks = []

    def heard(report):
        if gpu != "cpu":
            peaks.append(torch.cuda.max_memory_allocated() // MIB)
            torch.cuda.reset_peak_memory_stats()

    subject = trainer(chance="published", chance_factor=10.0, attempts=3)
    if gpu != "cpu":
        torch.cuda.reset_peak_memory_stats()  # of the tests before
    result = subject.train(network, seed=0, on_epoch=heard)
    fact("peak MiB of three attempts", peaks)
    assert (result.outcome, result.attempt) == (Outcome.CHANCE, 3)
    assert gpu == "cpu" or max(peaks) <= 1.2 * peaks[0] + 16


def test_the_estimate_of_a_process_is_enough(cuda, trainer, fact):
    """Random networks of the published space, seven full batches, so that the step is recorded.

    CUDA's context and libraries take all that is neither free nor PyTorch's, if the GPU has no other process.
    """
    rng, facts, shares = np.random.default_rng(1), [], []
    pixels = rng.integers(0, 256, (1512, 32, 32, 3), dtype=np.uint8)  # 1,000, and a full batch of validation
    none = pixels[:0], np.zeros(0, np.int64)
    dataset = ImageDataset("made", pixels, np.arange(1512) % 10, *none, tuple("0123456789"))
    subject = trainer(dataset, epochs=1, validation_size=512)
    for _ in range(6):
        network = preset("cifar10").sample(rng)
        estimate = training_memory(network, (3, 32, 32), 10, batch_size=128, precision=subject.precision)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_reserved()
        assert subject.train(network, seed=0).outcome is Outcome.COMPLETED
        reserved, (free, total) = torch.cuda.max_memory_reserved(), torch.cuda.mem_get_info()
        beside = total - free - torch.cuda.memory_reserved()
        parts = [getattr(estimate, part) // MIB for part in PARTS]
        facts.append((*parts, (reserved - before) / estimate.pooled, beside // MIB))
        shares.append((beside + reserved) / process_memory(estimate, pixels.nbytes))
    fact(f"MiB of {', '.join(PARTS)}; how many times that was reserved; MiB taken otherwise", facts)
    fact("taken by the process, of its estimate", shares)
    assert max(shares) <= 1
