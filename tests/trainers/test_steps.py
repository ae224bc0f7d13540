from contextlib import contextmanager
from types import SimpleNamespace
from weakref import ref

import pytest
import torch

from state_space import Architecture
from trainers import build_network
from trainers.steps import IGNORED, CudaRecorder, GraphedStep, _aside, eager_step, set_rate

LEARNER = Architecture.parse("[C(8,3,1), C(8,3,1), P(2,2), FC(16), SM(10)]")
SHAPE = (1, 8, 8)


class Recorder:
    """On the CPU: recording is remembering, replaying is calling. Keeps count."""

    def __init__(self):
        self.events = []
        self.failed = False

    def warm_up(self, step):
        self.events.append("warm-up")
        return step()

    def record(self, step):
        self.events.append("record")

        def replay():
            self.events.append("replay")
            return step()

        return replay


def batches(sizes):
    generator = torch.Generator().manual_seed(1)
    for size in sizes:
        images = torch.randn(size, *SHAPE, generator=generator).to(memory_format=torch.channels_last)
        yield images, torch.randint(0, 10, (size,), generator=generator)


def trained(sizes, wrap, rate=1e-2, later=None):
    """Losses and final weights of a small network trained on random batches."""
    network = build_network(LEARNER, SHAPE, 10, torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    step = wrap(eager_step(network, optimizer, torch.float32))
    losses = []
    for number, batch in enumerate(batches(sizes)):
        if later and number == len(sizes) // 2:
            set_rate(optimizer, later)
        losses.append(step(*batch).item())
    return losses, list(network.parameters())


def test_a_step_is_adam_on_the_mean_loss_and_returns_the_sum():
    sizes = [6, 6, 3]
    losses, weights = trained(sizes, lambda step: step)
    network = build_network(LEARNER, SHAPE, 10, torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for (images, labels), expected in zip(batches(sizes), losses, strict=True):
        optimizer.zero_grad()
        loss = torch.nn.CrossEntropyLoss(reduction="sum")(network(images), labels)
        (loss / len(labels)).backward()
        optimizer.step()
        assert expected == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(weights, network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_replaying_trains_as_launching_does_to_the_bit():
    sizes = [6, 6, 6, 6, 6, 4, 6, 6, 4]
    recorder = Recorder()
    losses, weights = trained(sizes, lambda step: GraphedStep(step, recorder), later=1e-3)
    expected_losses, expected_weights = trained(sizes, lambda step: step, later=1e-3)
    assert losses == expected_losses
    assert all(torch.equal(a, b) for a, b in zip(weights, expected_weights, strict=True))
    assert recorder.events == ["warm-up"] * 3 + ["record"] + ["replay"] * 4  # and two odd batches without


class Refusing(Recorder):
    """Fails to record when the gradients are there, of which CUDA would have computed none."""

    def record(self, step):
        self.events.append("record")
        self.failed = True
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.optim.Adam, "step", self.refuse)
            return step()

    def refuse(self, *_):
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\n(more)")


def test_a_step_that_cannot_be_recorded_is_launched_from_then_on_to_the_bit(caplog):
    sizes = [6, 6, 6, 6, 6, 4, 6]
    recorder = Refusing()
    losses, weights = trained(sizes, lambda step: GraphedStep(step, recorder), later=1e-3)
    expected_losses, expected_weights = trained(sizes, lambda step: step, later=1e-3)
    assert losses == expected_losses
    assert all(torch.equal(a, b) for a, b in zip(weights, expected_weights, strict=True))
    assert recorder.events == ["warm-up"] * 3 + ["record"]
    why = "CUDA error: operation not permitted when stream is capturing"
    assert caplog.messages == [f"a step cannot be recorded as a CUDA graph, so all are launched: {why}"]


def test_nothing_is_launched_on_a_device_that_a_recording_has_lost(monkeypatch):
    monkeypatch.setattr("trainers.steps.is_lost", lambda device: True)
    with pytest.raises(RuntimeError, match="operation not permitted"):
        trained([6] * 4, lambda step: GraphedStep(step, Refusing()))


def test_every_batch_of_a_short_epoch_is_trained_on():
    recorder = Recorder()
    trained([6, 2], lambda step: GraphedStep(step, recorder))
    assert recorder.events == ["warm-up"]


@pytest.mark.parametrize("rate", [1e-2, torch.tensor(1e-2)])
def test_the_rate_is_set_where_a_recorded_step_reads_it(rate):
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.Adam([weight], lr=rate, fused=True)
    before = optimizer.param_groups[0]["lr"]
    set_rate(optimizer, 1e-3)
    assert float(optimizer.param_groups[0]["lr"]) == pytest.approx(1e-3)
    assert (optimizer.param_groups[0]["lr"] is before) == isinstance(rate, torch.Tensor)


def test_what_fills_a_batch_up_counts_neither_in_the_mean_nor_in_the_sum():
    network = build_network(LEARNER, SHAPE, 10, torch.Generator().manual_seed(0))
    step = eager_step(network, torch.optim.SGD(network.parameters(), lr=0.1), torch.float32)
    ((images, labels),) = batches([4])
    other = build_network(LEARNER, SHAPE, 10, torch.Generator().manual_seed(0))
    expected = eager_step(other, torch.optim.SGD(other.parameters(), lr=0.1), torch.float32)(images, labels)
    filled = torch.cat((images, images[:1].expand(3, -1, -1, -1)))
    loss = step(filled, torch.cat((labels, torch.full((3,), IGNORED))))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for ours, theirs in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_weights_of_classes_weigh_the_loss_of_each_image():
    """One image of weight 3 is three of weight 1, but for the size of the batch that is divided by."""
    ((images, labels),) = batches([4])
    threefold = torch.ones(10).index_fill(0, labels[:1], 3.0)
    copies = (labels == labels[0]).repeat(3)[4:].nonzero().flatten() % 4
    networks = [build_network(LEARNER, SHAPE, 10, torch.Generator().manual_seed(0)).eval() for _ in range(2)]
    rates = 0.1, 0.1 * (4 + len(copies)) / 4
    steps = [
        eager_step(network, torch.optim.SGD(network.parameters(), lr=rate), torch.float32, weights)
        for network, rate, weights in zip(networks, rates, (threefold, None), strict=True)
    ]
    repeated = torch.cat((images, images[copies])), torch.cat((labels, labels[copies]))
    assert steps[0](images, labels).item() == pytest.approx(steps[1](*repeated).item(), rel=1e-5)
    for ours, theirs in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


class FakeCuda:
    """Stands in for torch.cuda where `CudaRecorder` uses it; keeps account of the streams."""

    def __init__(self, monkeypatch):
        self.made, self.used, self.modes = [], [], []
        self.current = None
        monkeypatch.setattr(torch.cuda, "Stream", self.stream_of)
        self.waits = []
        here = SimpleNamespace(wait_stream=self.waits.append)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: here)
        monkeypatch.setattr(torch.cuda, "stream", self.on)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: SimpleNamespace(replay=lambda: None))
        monkeypatch.setattr(torch.cuda, "graph", self.recording)
        _aside.cache_clear()

    def stream_of(self, device):
        self.made.append(SimpleNamespace(device=device, wait_stream=id))
        return self.made[-1]

    @contextmanager
    def on(self, stream):
        before, self.current = self.current, stream
        self.used.append(stream)
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def recording(self, graph, *, stream, capture_error_mode):
        """As PyTorch does it: if the recording cannot be ended, its stream stays current."""
        self.modes.append(capture_error_mode)
        self.current = stream
        yield
        self.current = None


@pytest.fixture
def fake_cuda(monkeypatch):
    yield FakeCuda(monkeypatch)
    _aside.cache_clear()


def test_all_steps_of_a_device_are_warmed_up_and_recorded_on_one_stream(fake_cuda):
    """The steps of two recorders, as two networks have them; another device has its own stream."""
    for device in ("cuda:0", "cuda:0", "cuda:1"):
        recorder = CudaRecorder(torch.device(device))
        for _ in range(3):
            recorder.warm_up(lambda: torch.zeros(()))
        recorder.record(lambda: torch.zeros(()))
    first, second = fake_cuda.made
    assert fake_cuda.used == [first] * 8 + [second] * 4
    assert fake_cuda.current is None
    assert (str(first.device), str(second.device)) == ("cuda:0", "cuda:1")
    assert fake_cuda.modes == ["thread_local"] * 3


class TwoGpus:
    """Stands in for torch.cuda below its streams; `made` are the GPUs on which contexts are made."""

    def __init__(self, monkeypatch):
        self.current, self.made = 0, []
        self.default = [self.stream(torch.device("cuda", index)) for index in (0, 1)]
        monkeypatch.setattr(torch.cuda, "Stream", self.stream)
        monkeypatch.setattr(torch.cuda, "current_stream", self.current_stream)
        monkeypatch.setattr(torch.cuda, "set_stream", self.set_stream)
        monkeypatch.setattr(torch.cuda, "device", self.device)
        monkeypatch.setattr(torch.cuda, "_get_device_index", lambda device, optional: self.index(device))

    def stream(self, device):
        return SimpleNamespace(device=device, wait_stream=id)

    def current_stream(self, device=None):
        return self.default[self.index(device)]

    def index(self, device):
        return self.current if device is None else torch.device(device).index

    @contextmanager
    def device(self, device):
        before, self.current = self.current, self.index(device)
        yield
        self.current = before

    def set_stream(self, stream):
        """As PyTorch does it, which makes a context where there is none."""
        if stream.device.index != self.current:
            self.current = stream.device.index
            self.made.append(self.current)


def test_a_training_on_a_second_gpu_takes_no_memory_of_the_first(trainer, noise, monkeypatch):
    _aside.cache_clear()
    subject, gpus = trainer(noise), TwoGpus(monkeypatch)
    subject.device = torch.device("cuda:1")
    with subject.settings():
        CudaRecorder(subject.device).warm_up(lambda: torch.zeros(()))
    _aside.cache_clear()
    assert gpus.made == []
    assert gpus.current == 0


def test_a_recorder_knows_whether_it_has_failed(fake_cuda):
    def fail():
        raise torch.OutOfMemoryError("CUDA out of memory")

    recorder = CudaRecorder(torch.device("cuda"))
    recorder.record(lambda: torch.zeros(()))
    assert not recorder.failed
    with pytest.raises(torch.OutOfMemoryError):
        recorder.record(fail)
    assert recorder.failed


def test_a_graph_that_only_a_cycle_keeps_is_gone_before_another_is_recorded(fake_cuda):
    class Graph:
        pass

    old = Graph()
    old.itself, alive = old, ref(old)
    found = []

    def step():
        found.append(alive())
        return torch.zeros(())

    del old
    CudaRecorder(torch.device("cuda")).record(step)
    assert found == [None]


def test_a_warm_up_that_fails_is_waited_for(fake_cuda):
    """What it has launched still uses memory that the current stream would reuse."""

    def fail():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        CudaRecorder(torch.device("cuda")).warm_up(fail)
    assert fake_cuda.waits == fake_cuda.made
    assert fake_cuda.current is None


def test_a_recording_that_fails_leaves_the_stream(fake_cuda):
    current = []

    def fail():
        current.append(fake_cuda.current)
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        CudaRecorder(torch.device("cuda")).record(fail)
    assert current == fake_cuda.made
    assert fake_cuda.current is None
