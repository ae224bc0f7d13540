"""Files of trained networks."""

from dataclasses import astuple, replace

import pytest
import torch

from state_space import Architecture
from trainers.checkpoint import write_content
from trainers.networks import build_network
from trainers.normalisation import Normalisation
from trainers.weights import TrainedNetwork, WeightsError

TEXT = "[C(8,3,1), SM(10)]"
KINDS = [None, Normalisation.global_contrast(), Normalisation("channels", (120.5, 3.0), (60.25, 1.0))]


@pytest.fixture
def network():
    module = build_network(Architecture.parse(TEXT), (2, 8, 8), 10, torch.Generator().manual_seed(0))
    return TrainedNetwork(TEXT, (2, 8, 8), 10, 0.75, module.state_dict())


@pytest.mark.parametrize("normalisation", KINDS)
def test_what_is_read_is_what_was_saved(network, normalisation, tmp_path):
    replace(network, normalisation=normalisation).save(tmp_path / "network.pt")
    read = TrainedNetwork.read(tmp_path / "network.pt")
    assert read.normalisation == normalisation
    assert (read.architecture, read.input_shape, read.num_classes, read.accuracy) == (
        TEXT,
        (2, 8, 8),
        10,
        0.75,
    )
    images = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(read.build().eval()(images), network.build().eval()(images))


def test_files_from_before_normalisation_was_in_them_are_read(network, tmp_path):
    names = ("architecture", "input_shape", "num_classes", "accuracy", "weights")
    content = dict(zip(names, astuple(network)[:5], strict=True))
    write_content({"format": 1, **content}, tmp_path / "old.pt")
    read = TrainedNetwork.read(tmp_path / "old.pt")
    assert read.normalisation is None
    assert (read.architecture, read.accuracy) == (TEXT, 0.75)
    assert read.weights.keys() == network.weights.keys()


def test_another_kind_of_file_of_ours_is_refused(tmp_path):
    """A checkpoint, or the softmax outputs of a long training."""
    write_content({"format": 1, "accuracy": 0.5, "network": {}}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"it has no architecture, input_shape, num_classes, weights$"):
        TrainedNetwork.read(tmp_path / "other.pt")


def test_a_file_of_a_later_version_is_refused(tmp_path):
    write_content({"format": 3}, tmp_path / "new.pt")
    with pytest.raises(WeightsError, match="format 3, this version reads format 1 and 2"):
        TrainedNetwork.read(tmp_path / "new.pt")
