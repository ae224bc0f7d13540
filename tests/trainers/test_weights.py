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


def test_what_is_normalised_keeps_its_means_and_variances(tmp_path):
    text = "[CB(8,3,1), VB(4,3,1), SM(10)]"
    module = build_network(Architecture.parse(text), (2, 8, 8), 10, torch.Generator().manual_seed(0))
    images = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    module(images)
    TrainedNetwork(text, (2, 8, 8), 10, 0.75, module.state_dict()).save(tmp_path / "network.pt")
    read = TrainedNetwork.read(tmp_path / "network.pt")
    assert torch.equal(read.build().eval()(images), module.eval()(images))
    plain = text.replace("B", "")
    with pytest.raises(WeightsError, match="these are not the weights of"):
        replace(read, architecture=plain).build()


@pytest.mark.parametrize("normalisation", KINDS)
def test_what_is_read_is_what_was_saved(network, normalisation, tmp_path):
    replace(network, normalisation=normalisation).save(tmp_path / "network.pt")
    read = TrainedNetwork.read(str(tmp_path / "network.pt"))
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("architecture", value) for value in (None, 1, b"[SM(10)]")),
        *(("input_shape", value) for value in (None, (2, 8), (2, 8, 0), (2, 8, 8.0), (2, 8, 2**40), "288")),
        *(("num_classes", value) for value in (None, True, -1, 10.0, torch.tensor(10))),
        *(("accuracy", value) for value in (None, "0.5", torch.tensor(0.5))),
        *(
            ("weights", value)
            for value in (None, [], {"0.weight": 1}, {"0.weight": torch.ones(2).to_sparse()})
        ),
        *(
            ("normalisation", value)
            for value in ("channels", ("other", None, None), ("channels", None, None))
        ),
        *(("normalisation", ("channels", (1.0, 2.0), value)) for value in ((1.0,), (1.0, "2"), None, 1.0)),
        ("normalisation", ("channels", (1.0,), (1.0,))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_whose_values_are_of_other_kinds_is_refused(network, name, value, tmp_path):
    replace(network, normalisation=KINDS[2]).save(tmp_path / "network.pt")
    assert TrainedNetwork.read(tmp_path / "network.pt").normalisation == KINDS[2]
    content = dict(zip(TrainedNetwork.__slots__, astuple(network), strict=True))
    write_content({"format": 2, **content, name: value}, tmp_path / "network.pt")
    with pytest.raises(
        WeightsError, match=f"network.pt' holds no trained network: its {name} cannot be right"
    ):
        TrainedNetwork.read(tmp_path / "network.pt")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "[C(8,3,1)"}, "not the weights of a network"),
        ({"architecture": "[P(9,9), SM(10)]"}, "not the weights of a network"),
        ({"architecture": "[C(8,5,1), SM(10)]"}, "not the weights of"),
        ({"input_shape": (2, 2**20, 2**20)}, "not the weights of"),
        ({"num_classes": 11}, "not the weights of"),
        ({"weights": {}}, "not the weights of"),
    ],
)
def test_weights_of_another_network_are_refused_before_one_is_built(network, changes, said):
    with pytest.raises(WeightsError, match=said) as caught:
        replace(network, **changes).build()
    assert "\n" not in str(caught.value)


def test_weights_of_other_names_or_shapes_are_refused(network):
    weights = network.weights
    first, *others = weights
    for wrong in (
        {"other": weights[first]} | {name: weights[name] for name in others},
        weights | {first: weights[first].flatten()},
        weights | {first: weights[first].double()},
    ):
        with pytest.raises(WeightsError, match="not the weights of"):
            replace(network, weights=wrong).build()


def test_a_file_of_a_later_version_is_refused(tmp_path):
    write_content({"format": 3}, tmp_path / "new.pt")
    with pytest.raises(WeightsError, match="format 3, this version reads format 1 and 2"):
        TrainedNetwork.read(tmp_path / "new.pt")
