"""Images, networks and trainers for tests on a GPU; on a CPU, where the tests are tried out, small ones."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from state_space import Architecture
from trainers import ClassifierTrainer, ImageDataset, TrainingRecipe

SIDE = 16


@pytest.fixture(scope="session")
def scale(gpu):
    """Filters, images, images held out, and images per step: an epoch has six and a quarter batches."""
    if gpu == "cpu":
        return SimpleNamespace(filters=4, count=140, held=40, batch=16)
    return SimpleNamespace(filters=64, count=1000, held=200, batch=128)


@pytest.fixture(scope="session")
def cuda(gpu):
    """The device, for tests of what only CUDA has."""
    if gpu == "cpu":
        pytest.skip("a CPU has nothing of the kind")
    return gpu


@pytest.fixture(scope="session")
def images(scale):
    """Ten classes that can be learned."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (10, SIDE, SIDE, 3))
    labels = np.arange(scale.count) % 10
    noisy = (base[labels] + rng.normal(0, 60, (scale.count, SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)
    return ImageDataset("made", noisy, labels, noisy[:0], labels[:0], tuple("0123456789"))


@pytest.fixture(scope="session")
def network(scale):
    """A network with every kind of layer, and dropout after two kinds."""
    w = scale.filters
    return Architecture.parse(
        f"[C({w},3,1), C({w},3,1), D(1,3), P(3,2), C({2 * w},1,1), FC(128), D(2,3), SM(10)]"
    )


@pytest.fixture(scope="session")
def normalised(scale):
    """A network with batch normalisation, with and without padding, and global average pooling."""
    w = scale.filters
    return Architecture.parse(f"[CB({w},3,1), VB({2 * w},3,1), P(3,2), V({w},1,1), GAP(10), SM(10)]")


@pytest.fixture
def trainer(gpu, scale, images):
    """trainer(dataset, **options of the recipe or of the trainer); mirrored and shifted images."""

    def make(dataset=images, **options):
        placed = {"device": gpu, "precision": "bfloat16", "cuda_graphs": True, "deterministic": True}
        placed["chance"] = "tested"
        placed = {name: options.pop(name, default) for name, default in placed.items()}
        recipe = {
            "epochs": 4,
            "batch_size": scale.batch,
            "chance_factor": 0.0,
            "mirror": True,
            "translate": 2,
        }
        held = options.pop("validation_size", scale.held)
        return ClassifierTrainer(
            dataset, recipe=TrainingRecipe(**{**recipe, **options}), validation_size=held, threads=1, **placed
        )

    return make


@pytest.fixture
def reports(network):
    """reports(trainer, **arguments of `train`): attempt, epoch, accuracy and loss of every epoch."""

    def train(subject, architecture=network, seed=3, **more):
        heard = []
        subject.train(architecture, seed=seed, on_epoch=heard.append, **more)
        return [(report.attempt, report.epoch, report.accuracy, report.loss) for report in heard]

    return train


@pytest.fixture
def replays(gpu, monkeypatch):
    """replays(count): so many steps of the test have been replayed, all by one graph; on a CPU none."""
    replay, graphs = torch.cuda.CUDAGraph.replay, []

    def counted(graph):
        graphs.append(id(graph))
        replay(graph)

    def check(count):
        assert len(graphs) == (0 if gpu == "cpu" else count)
        assert len(set(graphs)) == (gpu != "cpu")

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", counted)
    return check


@pytest.fixture
def agree(fact):
    """agree(what, found, expected, rel): losses must; whether all numbers do to the bit becomes a fact."""

    def compare(what, found, expected, rel=2e-2):
        fact(f"{what}, to the bit", found == expected)
        losses = [[row[3] for row in rows] for rows in (found, expected)]
        assert losses[0] == pytest.approx(losses[1], rel=rel)

    return compare
