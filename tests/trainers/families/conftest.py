"""Small members of every family, and trainers for them."""

from dataclasses import replace

import numpy as np
import pytest

from trainers import Checkpoint
from trainers.families import ImageFamilyTrainer, WordTrainer, load_words, make_family

RESNET = {"num_blocks": 2, "num_filters": 3, "filter_size": 3, "ss": 3}
RESNET39 = {
    "lr": 1e-3,
    **{
        f"{name}_{block}": value
        for block in range(1, 13)
        for name, value in (("kernel_height", 1), ("kernel_width", 3), ("kernels", 4))
    },
}
CONVNET = {
    **{"lr": 0.01, "lr_reductions": 1, "conv_decay": 1e-3, "fc_decay": 1e-3},
    **{"norm_scale": 0.1, "norm_power": 0.75},
}
LSTM = {"n_layer": 2, "n_inputs": 10, "n_cells": 10}
NETWORK = "[C(4,3,1), P(2,2), D(1,1), SM(10)]"
TUNED = {
    **{"lr": 1e-3, "lr_decay": 0.5, "batch_size": 32, "weight_decay": 1e-4, "batch_norm": 1},
    "dropout": 0.3,
}
MEMBERS = {"resnet": RESNET, "resnet39": RESNET39, "convnet": CONVNET, "lstm": LSTM, NETWORK: TUNED}


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """A folder with a text whose next word mostly follows from the last one."""
    folder = tmp_path_factory.mktemp("text")
    rng = np.random.default_rng(0)
    for part, lines in (("train", 150), ("valid", 40), ("test", 40)):
        starts = rng.integers(0, 8, lines)
        content = "\n".join(" ".join(f"w{(start + i) % 8}" for i in range(6)) for start in starts)
        (folder / f"{folder.name}.{part}.txt").write_text(content + "\n")
    return folder


@pytest.fixture(scope="session")
def family_trainer(digits, text):
    """family_trainer(name, epochs) trains members of that family on the CPU, in float32."""

    def make(name, epochs=2):
        family = make_family(name, "laptop")
        options = {"epochs": epochs, "device": "cpu", "threads": 1}
        if family.data == "words":
            return WordTrainer(family, load_words(str(text)), **options)
        few = replace(digits, train_images=digits.train_images[:300], train_labels=digits.train_labels[:300])
        return ImageFamilyTrainer(family, few, validation_size=100, precision="float32", **options)

    return make


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "training.pt")


@pytest.fixture(scope="session")
def members():
    """A small member of each family: {key: (what `make_family` takes, its hyper-parameters)}."""
    return {("network" if name == NETWORK else name): (name, values) for name, values in MEMBERS.items()}
