from itertools import accumulate
from types import SimpleNamespace
from weakref import ref

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from state_space import Architecture
from trainers import build_network
from trainers.device import convolves_in_columns, cuda_settings
from trainers.memory import (
    EVALUATION_BATCH,
    OutOfMemory,
    allocation_guard,
    give_back,
    process_memory,
    training_memory,
)
from trainers.steps import eager_step, logits


def test_an_allocation_that_the_cpu_cannot_make_is_recognised():
    with pytest.raises(OutOfMemory, match="memory"), allocation_guard():
        torch.empty(2**55, dtype=torch.uint8)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory.\nTried"), MemoryError()])
def test_other_allocators_are_recognised_and_give_one_line(error):
    with pytest.raises(OutOfMemory) as caught, allocation_guard():
        raise error
    assert str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    ],
)
def test_libraries_that_get_no_memory_are_recognised(message):
    with pytest.raises(OutOfMemory, match=message.split()[-1][:10]), allocation_guard():
        raise RuntimeError(message)


@pytest.mark.parametrize("deterministic", [False, True])
def test_no_engine_is_too_little_memory_unless_kernels_are_restricted(deterministic):
    with (
        pytest.raises(RuntimeError if deterministic else OutOfMemory, match="unable to find an engine"),
        cuda_settings(deterministic),
        allocation_guard(),
    ):
        raise RuntimeError("GET was unable to find an engine to execute this computation")


@pytest.fixture
def card(monkeypatch):
    """A stand-in for what CUDA says about a card: bytes that are free, and how often memory was refused."""
    there = SimpleNamespace(free=100 * 2**30, refused=3, device=torch.device("cuda", 1))

    def free(device):
        assert device == there.device
        return there.free, 2**40

    def stats(device):
        assert device == there.device
        return {"num_ooms": there.refused}

    monkeypatch.setattr(torch.cuda, "mem_get_info", free)
    monkeypatch.setattr(torch.cuda, "memory_stats", stats)
    return there


UNCLEAR = (
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "GET was unable to find an engine to execute this computation",
)


@pytest.mark.parametrize("message", UNCLEAR)
@pytest.mark.parametrize(("free", "refused"), [(10 * 2**20, 0), (100 * 2**30, 1)])
def test_an_unclear_failure_is_too_little_memory_if_the_card_is_full_or_has_just_refused_some(
    card, message, free, refused
):
    def fail():
        card.free, card.refused = free, card.refused + refused
        raise RuntimeError(message)

    with (
        pytest.raises(OutOfMemory, match=message.split()[-1][:10]),
        cuda_settings(deterministic=True),
        allocation_guard(card.device),
    ):
        fail()


@pytest.mark.parametrize("message", UNCLEAR)
def test_an_unclear_failure_is_a_defect_if_there_is_memory(card, message):
    """What was refused in an earlier step has nothing to do with it."""
    with (
        pytest.raises(RuntimeError, match=message.split()[-1][:10]),
        cuda_settings(deterministic=True),
        allocation_guard(card.device),
    ):
        raise RuntimeError(message)


def test_an_unclear_failure_on_a_lost_card_is_a_defect(card, monkeypatch):
    def lost(device):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "mem_get_info", lost)
    with pytest.raises(RuntimeError, match="NOT_INITIALIZED"), allocation_guard(card.device):
        raise RuntimeError(UNCLEAR[1])


def recording_that_fails_of(cause):
    try:
        raise cause
    finally:
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")


def test_too_little_memory_is_recognised_under_what_the_end_of_a_recording_complains_of():
    cause = torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 9 bytes")
    with pytest.raises(OutOfMemory) as caught, allocation_guard():
        recording_that_fails_of(cause)
    assert str(caught.value) == "CUDA out of memory."


def test_a_failed_recording_of_another_cause_is_a_defect():
    with pytest.raises(RuntimeError, match="during capture"), allocation_guard():
        recording_that_fails_of(ValueError("shapes"))


@pytest.mark.parametrize(("kind", "times"), [("cpu", 0), ("mps", 0), ("cuda", 1)])
def test_memory_of_a_gpu_is_given_back(monkeypatch, kind, times):
    calls = []
    monkeypatch.setattr("gc.collect", int)  # takes its time
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append(1))
    give_back(torch.device(kind))
    assert len(calls) == times


def test_what_only_cycles_keep_is_gone_before_memory_is_given_back(monkeypatch):
    class Node:
        pass

    node = Node()
    node.itself, alive = node, ref(node)
    found = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: found.append(alive()))
    del node
    give_back(torch.device("cuda"))
    assert found == [None]


def test_a_lost_gpu_that_gives_nothing_back_is_no_error(monkeypatch):
    def refuse():
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr("gc.collect", int)
    monkeypatch.setattr(torch.cuda, "empty_cache", refuse)
    give_back(torch.device("cuda"))


def test_a_process_on_a_gpu_takes_more_than_the_training():
    """1.2 GB before it trains, the images, and 1.5 times what steps and validation take separately."""
    estimate = training_memory(Architecture.parse("[C(64,3,1), SM(10)]"), (3, 32, 32), 10, batch_size=128)
    assert process_memory(estimate, 150_000_000) == 1.2e9 + 1.5e8 + 1.5 * (
        estimate.parameters + estimate.activations + estimate.passing + estimate.evaluation
    )


def test_defects_pass_through():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), allocation_guard():
        torch.ones(2, 3) @ torch.ones(2, 3)


def saved_for_backward(network, images, precision):
    """Bytes of everything but the parameters that autograd keeps, by PyTorch's own account."""
    sizes, alive = {}, []
    parameters = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            sizes[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = logits(network, images, precision).logsumexp(1).sum()
    assert loss.requires_grad
    return sum(sizes.values())


def peak(network, images, precision):
    """Bytes at the highest point of a step, by PyTorch's profiler, and what was there before it."""
    step = eager_step(network, torch.optim.Adam(network.parameters(), fused=True), precision)
    labels = torch.zeros(len(images), dtype=torch.int64)
    step(images, labels)  # makes the moments
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step(images, labels)
    events = [event for event in record.profiler.kineto_results.events() if event.name() == "[memory]"]
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return max(accumulate(changes)) + 3 * 4 * parameters + images.nbytes


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("text", "batch"),
    [
        ("[C(64,3,1), C(64,3,1), D(1,2), C(64,3,1), P(2,2), C(32,1,1), GAP(10), SM(10)]", 32),
        ("[C(64,5,1), P(3,2), D(1,4), C(8,1,1), FC(16), D(2,4), FC(16), D(3,4), SM(10)]", 32),
        ("[C(32,1,1), C(16,5,1), D(1,2), C(64,5,1), C(16,1,1), D(2,2), SM(10)]", 32),
        ("[C(64,3,1), P(3,2), C(256,3,1), P(2,2), FC(512), D(1,1), SM(10)]", 16),
        ("[C(128,5,1), GAP(10), SM(10)]", 8),
        ("[CB(64,3,1), CB(64,3,1), D(1,2), P(2,2), VB(32,3,1), GAP(10), SM(10)]", 32),
    ],
)
def test_the_estimate_is_near_what_pytorch_allocates(text, batch, precision):
    """On the safe side: at most 10% too low, at most 60% too high; with or without columns, as it is here."""
    architecture, shape = Architecture.parse(text), (3, 16, 16)
    network = build_network(architecture, shape, 10).to(memory_format=torch.channels_last)
    images = torch.randn(batch, *shape).to(memory_format=torch.channels_last)
    columns = convolves_in_columns(torch.device("cpu"), precision)
    estimate = training_memory(
        architecture, shape, 10, batch_size=batch, evaluation_batch=1, precision=precision, in_columns=columns
    )
    copies = 0 if precision == torch.float32 else 2 * sum(weight.numel() for weight in network.parameters())
    saved = saved_for_backward(network, images, precision) - copies
    assert 0.9 < estimate.activations / saved < 1.6
    assert 0.9 < estimate.total / peak(network, images, precision) < 1.6


def test_validation_counts_where_it_needs_more():
    architecture = Architecture.parse("[C(8,3,1), SM(10)]")
    small, large = (
        training_memory(architecture, (3, 32, 32), 10, batch_size=1, evaluation_batch=count).total
        for count in (1, 512)
    )
    assert large - small > 500 * 8 * 32 * 32 * 4  # a map of every image


def test_a_network_of_the_published_kind_by_hand():
    """[C(64,3,1), SM(10)] on 32x32x3: 1,728 + 655,360 weights, 74 biases; a map of 65,536 numbers."""
    architecture = Architecture.parse("[C(64,3,1), SM(10)]")
    estimate = training_memory(architecture, (3, 32, 32), 10, batch_size=128)
    assert estimate.parameters == 16 * (1_728 + 655_360 + 74)
    assert estimate.activations == 128 * 4 * (3_072 + 65_536 + 65_536 + 10)  # the map, and it flattened
    assert estimate.passing == 128 * 4 * 2 * 65_536


def test_columns_by_hand():
    """[C(64,3,1), C(8,3,1), SM(10)] on 16x16x3 in 2 bytes: fields of 9 * 3 numbers, then of 9 * 64.

    With the second layer's columns there is no flattened map, nor are there logits in float32.
    """
    architecture = Architecture.parse("[C(64,3,1), C(8,3,1), SM(10)]")
    without, spread = (
        training_memory(
            architecture, (3, 16, 16), 10, batch_size=4, precision=torch.bfloat16, in_columns=columns
        )
        for columns in (False, True)
    )
    columns = 2 * 256 * 9 * 64
    assert spread.passing - without.passing == 4 * (columns - 2 * 256 * 8 - 4 * 10)
    assert spread.evaluation - without.evaluation == EVALUATION_BATCH * columns
    assert (spread.parameters, spread.activations) == (without.parameters, without.activations)


def test_fields_of_one_pixel_need_no_columns():
    architecture = Architecture.parse("[C(64,1,1), SM(10)]")
    estimates = {
        training_memory(architecture, (3, 16, 16), 10, batch_size=4, in_columns=columns)
        for columns in (False, True)
    }
    assert len(estimates) == 1
