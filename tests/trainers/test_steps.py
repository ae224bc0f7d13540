import pytest
import torch

from state_space import Architecture
from trainers import build_network
from trainers.steps import CudaRecorder, GraphedStep, eager_step, set_rate

LEARNER = Architecture.parse("[C(8,3,1), C(8,3,1), P(2,2), FC(16), SM(10)]")
SHAPE = (1, 8, 8)


class Recorder:
    """On the CPU: recording is remembering, replaying is calling. Keeps count."""

    def __init__(self):
        self.events = []

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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_cuda_graph_trains_as_launching_does():
    def run(wrap):
        network = build_network(LEARNER, SHAPE, 10, torch.Generator().manual_seed(0)).cuda()
        rate = torch.tensor(1e-2, device="cuda")
        optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True, capturable=True)
        step = wrap(eager_step(network, optimizer, torch.float32))
        return [step(images.cuda(), labels.cuda()).item() for images, labels in batches([6] * 8 + [4])]

    graphed = run(lambda step: GraphedStep(step, CudaRecorder(torch.device("cuda"))))
    assert graphed == pytest.approx(run(lambda step: step), rel=1e-3)
