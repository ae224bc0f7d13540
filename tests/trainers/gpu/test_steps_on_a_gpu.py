"""Steps on a GPU: recorded steps against launched ones, rates, dropout, waiting, number formats."""

import warnings

import pytest
import torch

from trainers import ImageDataset
from trainers.finetuning import FinetuningRecipe, FinetuningTrainer
from trainers.randomness import addressed_draws
from trainers.steps import set_rate

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("kind", ["network", "normalised"])
@pytest.mark.parametrize(("precision", "rel"), [("float32", 2e-3), ("bfloat16", 2e-2)])
def test_a_graph_trains_as_launching_does(trainer, reports, agree, replays, request, kind, precision, rel):
    """Dropout, mirrored and shifted images, a decaying rate, a last batch that is filled up."""
    options, subject = {"precision": precision, "decay_every": 2}, request.getfixturevalue(kind)
    launched, recorded = (reports(trainer(cuda_graphs=way, **options), subject) for way in (False, True))
    replays(4 * 7 - 3)
    agree(f"recorded and launched, {kind}", recorded, launched, rel)


def test_a_graph_keeps_statistics_of_batches_as_launching_does(trainer, normalised, replays):
    """Batch normalisation: running means and variances, and the number of batches."""
    kept = []
    for graphs in (False, True):
        subject = trainer(cuda_graphs=graphs, precision="float32")
        state = subject.start(normalised, seed=0)
        for _ in range(2):
            subject.train_epoch(state, seed=0)
        kept.append({name: buffer.double().cpu() for name, buffer in state.network.named_buffers()})
    replays(2 * 7 - 3)
    assert kept[0].keys() == kept[1].keys()
    assert {int(value) for name, value in kept[1].items() if "num_batches" in name} == {14}
    for name, launched in kept[0].items():
        torch.testing.assert_close(kept[1][name], launched, rtol=2e-2, atol=2e-2)


def test_all_steps_but_the_first_three_are_replayed(cuda, trainer, network, replays):
    """Of seven batches an epoch; otherwise the tests here would compare launched steps with launched ones."""
    trainer(epochs=2).train(network, seed=0)
    replays(2 * 7 - 3)


def test_a_recorded_step_reads_the_rate_of_the_epoch(trainer, network, replays, fact):
    """At a rate near zero the weights stay; a rate that is fixed in the graph would move them."""
    subject = trainer(decay_factor=1e-12, decay_every=1)
    state = subject.start(network, seed=0)
    weights = [[p.detach().clone() for p in state.network.parameters()]]
    for _ in range(2):
        subject.train_epoch(state, seed=0)
        weights.append([p.detach().clone() for p in state.network.parameters()])
    replays(2 * 7 - 3)
    moved, stayed = (
        max((a - b).abs().max().item() for a, b in zip(*pair, strict=True))
        for pair in (weights[:2], weights[1:])
    )
    fact("weights moved in the first and in the second epoch", f"{moved:.2e}, {stayed:.2e}")
    assert moved > 1e-4
    assert stayed < 1e-9


def test_dropout_differs_at_every_replay_and_repeats_with_the_seed(trainer, network, replays, fact):
    subject = trainer()
    state = subject.start(network, seed=0)
    set_rate(state.optimizer, 0.0)
    state.network.train()
    batch = next(subject._training.shuffled(subject.recipe, torch.Generator().manual_seed(0)))
    for _ in range(5):
        state.step(*batch)

    def sequence():
        with addressed_draws(subject.device, 1, "dropout", 1, 1):
            return [state.step(*batch).item() for _ in range(6)]

    first, second = sequence(), sequence()
    replays(5 + 2 * 6 - 3)
    fact("losses of six replays of one batch", first)
    assert len(set(first)) == 6
    assert second == pytest.approx(first, rel=1e-3)


def test_random_state_outside_is_left_alone(cuda, trainer, network):
    torch.cuda.manual_seed(5)
    before = torch.cuda.get_rng_state()
    trainer(epochs=1).train(network, seed=0)
    assert torch.equal(before, torch.cuda.get_rng_state())


def test_an_epoch_waits_for_the_device_at_its_end_alone(cuda, trainer, network, fact):
    subject = trainer()
    state = subject.start(network, seed=0)
    subject.train_epoch(state, seed=0)  # the first one places the images and records
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            subject.train_epoch(state, seed=0)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [warning for warning in caught if "synchroniz" in str(warning.message).lower()]
    fact("waits in an epoch", [f"{warning.filename}:{warning.lineno}" for warning in waits])
    assert 0 < len(waits) <= 2  # the loss and the accuracy; none would mean that PyTorch reports none


def test_training_warns_of_nothing(trainer, network):
    """Adam once warned that a step that can be recorded ran unrecorded."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # not only the first time in a process, which has seen other tests
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            trainer(epochs=2).train(network, seed=0)
    finally:
        torch.set_warn_always(before)


@pytest.mark.parametrize("asked", ["none", "tf32"])
def test_float32_convolutions_are_no_tf32(cuda, trainer, fact, monkeypatch, asked):
    """Against float64: TF32 has 10 bits, errors of 3e-4; float32 has 23, and 5e-6 by Winograd's method.

    Even where the process asked for TF32, in the newer of PyTorch's two ways.
    """
    if hasattr(torch.backends, "fp32_precision"):
        monkeypatch.setattr(torch.backends, "fp32_precision", asked)
    draw = torch.Generator().manual_seed(0)
    images, kernel = torch.randn(8, 64, 16, 16, generator=draw), torch.randn(64, 64, 3, 3, generator=draw)
    exact = torch.conv2d(images.double(), kernel.double(), padding=1)
    with trainer().settings():
        found = torch.conv2d(images.to(cuda), kernel.to(cuda), padding=1).cpu()
    error = ((found - exact).abs().max() / exact.abs().max()).item()
    fact("largest error of a convolution in float32", f"{error:.1e}")
    assert error < 5e-5


def test_float32_products_of_matrices_are_no_tf32(cuda, trainer, fact):
    """Even where the process was asked for TF32."""
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(256, 512, generator=draw), torch.randn(512, 256, generator=draw)
    exact, before = a.double() @ b.double(), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with trainer().settings():
            found = (a.to(cuda) @ b.to(cuda)).cpu()
    finally:
        torch.set_float32_matmul_precision(before)
    error = ((found - exact).abs().max() / exact.abs().max()).item()
    fact("largest error of a product in float32", f"{error:.1e}")
    assert error < 5e-5


def test_bfloat16_learns_as_float32_does(trainer, network, gpu, fact):
    epochs = 2 if gpu == "cpu" else 6
    curves = {
        precision: trainer(epochs=epochs, precision=precision, mirror=False).train(network, seed=0).curve
        for precision in ("float32", "bfloat16")
    }
    fact("accuracies", curves)
    assert curves["bfloat16"][-1] == pytest.approx(curves["float32"][-1], abs=0.5 if gpu == "cpu" else 0.1)


def test_images_that_stay_on_the_host_train_alike(cuda, trainer, reports, agree, monkeypatch):
    there = reports(trainer())
    monkeypatch.setattr("trainers.loader.holds", lambda device, size: False)
    subject = trainer()
    agree("images on the host and on the device", reports(subject), there)
    assert subject._training._placed.images.device.type == "cpu"


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.01), ("adam", 1e-3)])
def test_the_long_training_is_recorded_too(gpu, scale, images, reports, agree, replays, optimizer, rate):
    cut = scale.count - scale.held
    pixels, labels = images.train_images, images.train_labels
    dataset = ImageDataset("made", pixels[:cut], labels[:cut], pixels[cut:], labels[cut:], images.class_names)
    recipe = FinetuningRecipe(
        epochs=6,
        batch_size=scale.batch,
        optimizer=optimizer,
        learning_rate=rate,
        translate=0,
        chance_factor=0.0,
    )
    options = {"recipe": recipe, "device": gpu, "precision": "float32", "threads": 1, "deterministic": True}
    launched, recorded = (
        reports(FinetuningTrainer(dataset, cuda_graphs=graphs, **options)) for graphs in (False, True)
    )
    replays(6 * 7 - 3)
    agree("recorded and launched", recorded, launched)
    assert recorded[-1][3] < 0.9 * recorded[0][3]
