import pytest
import torch

from trainers.memory import OutOfMemory, allocation_guard


def test_an_allocation_that_the_cpu_cannot_make_is_recognised():
    with pytest.raises(OutOfMemory, match="memory"), allocation_guard():
        torch.empty(2**55, dtype=torch.uint8)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory.\nTried"), MemoryError()])
def test_other_allocators_are_recognised_and_give_one_line(error):
    with pytest.raises(OutOfMemory) as caught, allocation_guard():
        raise error
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_defects_pass_through():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), allocation_guard():
        torch.ones(2, 3) @ torch.ones(2, 3)
