"""Too little memory on a GPU, in a step and in a recording.

The last tests of this folder: a recording that fails may leave PyTorch's allocator in any state.
"""

import pytest
import torch

from state_space import Architecture
from trainers import Outcome
from trainers.steps import CudaRecorder

pytestmark = pytest.mark.gpu


@pytest.fixture
def limit(cuda):
    """limit(bytes): how much of the GPU this process may use in this test."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    yield lambda size: torch.cuda.set_per_process_memory_fraction(size / total)
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def test_out_of_memory_in_a_step_is_an_outcome_and_the_process_goes_on(limit, trainer, network, fact):
    deep = Architecture.parse(f"[{', '.join(['C(1024,1,1)'] * 20)}, GAP(10), SM(10)]")
    limit(1.5e9)
    subject = trainer(epochs=1, cuda_graphs=False)
    result = subject.train(deep, seed=0)
    fact("message", result.message)
    assert result.outcome is Outcome.OUT_OF_MEMORY or "did not fit" in result.message
    assert not subject.spent
    limit(4e9)
    assert trainer(epochs=2).train(network, seed=0).outcome is Outcome.COMPLETED


def test_after_out_of_memory_in_a_recording_whole_batches_are_launched_and_the_process_is_spent(
    limit, trainer, network, monkeypatch, fact
):
    """What the same process can do afterwards is noted as a fact: a search goes on in another one."""
    hog, record = [], CudaRecorder.record

    def starved(self, step):
        def hungry():
            if not hog:  # taken while recording, so that what comes next fails there
                size = int(2.9e9) - torch.cuda.memory_reserved()
                hog.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            return torch.empty(int(1e9), dtype=torch.uint8, device="cuda").sum() + step()

        try:
            return record(self, hungry)
        finally:
            hog.clear()

    limit(3e9)
    monkeypatch.setattr(CudaRecorder, "record", starved)
    subject = trainer(epochs=1)
    result = subject.train(network, seed=0)
    fact("message", result.message)
    assert result.outcome is Outcome.COMPLETED
    assert "did not fit" not in result.message
    assert subject.spent
    monkeypatch.undo()
    try:
        after = str(trainer(epochs=2).train(network, seed=0).outcome)
    except Exception as error:
        after = repr(error)
    fact("the next training in the same process", after)
