"""Networks to export: with random weights, and from a search of a few seconds."""

import shutil
from contextlib import closing

import numpy as np
import pytest
import torch

from metaqnn.export import Card, Exportable
from metaqnn.export.check import Evidence
from metaqnn.session.run_folder import RunFolder
from state_space import Architecture
from trainers.loader import ImageLoader
from trainers.networks import build_network
from trainers.normalisation import Normalisation
from trainers.weights import TrainedNetwork

SMALL = "[C(8,3,1), P(2,2), D(1,2), FC(16), D(2,2), SM(3)]"


def card_with(**changes):
    """Facts, some of them wrong where they do not matter."""
    facts = {
        "dataset": "photos",
        "data_fingerprint": "0" * 64,
        "classes": ("cat", "dog", "owl"),
        "architecture": SMALL,
        "parameters": 1,
        "macs": 1,
        "input_shape": (3, 9, 9),
        "normalisation": "channels",
        "mean": (0.25, 0.5, 0.75),
        "std": (0.1, 0.2, 0.3),
        "weights_from": "search",
        "training": "of the search, 10 epochs",
        "validation_accuracy": 0.875,
        "validation_images": 40,
        "run": "run",
        "network": 7,
        "seed": 0,
    }
    return Card(**{**facts, **changes})


def trainers_logits(network, normalisation, images):
    """Logits of uint8 images, computed as in a training: from the loader to the network of the trainers."""
    labels = np.zeros(len(images), dtype=np.int64)
    loader = ImageLoader(images, labels, normalisation, torch.device("cpu"))
    with torch.no_grad():
        return torch.cat([network.build().eval()(batch) for batch, _ in loader.in_order(100)])


@pytest.fixture(scope="session")
def make_card():
    """make_card(**changes)."""
    return card_with


@pytest.fixture(scope="session")
def reference():
    """reference(network, normalisation, images) -> logits."""
    return trainers_logits


@pytest.fixture(scope="session")
def in_unit():
    """in_unit(images): images as users of an export have them."""
    return lambda images: torch.from_numpy(images).permute(0, 3, 1, 2).contiguous() / 255


@pytest.fixture(scope="session")
def make_random():
    """make_random(architecture, input_shape, kind): a network with random weights and its accuracy."""

    def make(architecture=SMALL, input_shape=(3, 9, 9), kind="channels", seed=0):
        rng = np.random.default_rng(seed)
        channels, height, width = input_shape
        images = rng.integers(0, 256, (40, height, width, channels), dtype=np.uint8)
        parsed = Architecture.parse(architecture)
        generator = torch.Generator().manual_seed(seed)
        built = build_network(parsed, input_shape, 3, generator)
        for parameter in built.parameters():
            if parameter.dim() == 1:  # zeros would hide a bias that is lost
                torch.nn.init.uniform_(parameter, -0.5, 0.5, generator)
        for measured in built.buffers():
            if measured.is_floating_point():  # of a normalisation
                torch.nn.init.uniform_(measured, 0.5, 1.5, generator)
        network = TrainedNetwork(architecture, input_shape, 3, 0.5, built.state_dict())
        normalisation = Normalisation.of(images) if kind == "channels" else Normalisation.global_contrast()
        labels = trainers_logits(network, normalisation, images).argmax(1).numpy()
        labels[:5] = (labels[:5] + 1) % 3  # five errors
        card = card_with(
            architecture=architecture,
            input_shape=input_shape,
            normalisation=kind,
            mean=None if normalisation.mean is None else tuple(m / 255 for m in normalisation.mean),
            std=None if normalisation.std is None else tuple(s / 255 for s in normalisation.std),
        )
        return Exportable(card, network, normalisation, Evidence("validation", images, labels, 35 / 40))

    return make


@pytest.fixture
def run(trained_run, tmp_path):
    """A copy, to be changed at will."""
    return RunFolder(shutil.copytree(trained_run.path, tmp_path / "run"))


@pytest.fixture
def reader(trained_run):
    with closing(trained_run.reader()) as reader:
        yield reader


@pytest.fixture(scope="session")
def kept():
    """kept(run): numbers of the networks whose weights are in the run folder."""
    return lambda run: sorted(int(file.stem.rpartition("-")[2]) for file in (run.path / "weights").iterdir())
