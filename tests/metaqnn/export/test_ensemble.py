"""Several networks as one: the mean of their softmax outputs, computed, written and read back."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from metaqnn.export import ExportError, export_network
from metaqnn.export.check import Evidence
from metaqnn.export.ensemble import Ensemble
from metaqnn.export.exported import exported

OTHER = "[C(4,5,2), C(8,1,1), D(1,1), P(3,2), GAP(3), SM(3)]"


@pytest.fixture
def together(make_random, reference):
    """Two networks and what they say together of the images of the first."""
    first, second = make_random(seed=1), make_random(OTHER, seed=2)
    images, labels = first.evidence.images, first.evidence.labels
    logits = [reference(one.network, first.normalisation, images).double() for one in (first, second)]
    mean = (
        torch.stack([output.exp() / output.exp().sum(1, keepdim=True) for output in logits]).mean(0).numpy()
    )
    network = Ensemble({7: first.network, 9: second.network})
    members = {"7": first.network.architecture, "9": OTHER}
    card = replace(first.card, architecture=network.architecture, members=members)
    evidence = Evidence("test", images, labels, float((mean.argmax(1) == labels).mean()))
    return replace(first, card=card, network=network, evidence=evidence), mean


def test_its_softmax_is_the_mean_of_those_of_its_members(together, reference):
    exportable, mean = together
    found = reference(exportable.network, exportable.normalisation, exportable.evidence.images)
    np.testing.assert_allclose(found.softmax(1), mean, atol=1e-6)


def test_it_has_the_weights_of_all_and_says_which_it_is(together):
    network = together[0].network
    assert {name.partition(".")[0] for name in network.weights} == {"7", "9"}
    assert network.architecture == "mean of the softmax outputs of networks 7, 9"
    assert together[0].card.name == "metaqnn_photos_ensemble"


def test_what_is_written_is_read_back_without_running_it(together, tmp_path):
    exportable, mean = together
    export_network(exportable, tmp_path / "both", [])
    (tmp_path / "both" / "model.py").write_text("raise SystemExit('was run')")
    classifier = exported(tmp_path / "both")
    found = classifier._probabilities(classifier.network.build().eval(), exportable.evidence.images)
    np.testing.assert_allclose(found, mean, atol=1e-5)


@pytest.mark.parametrize(
    "members",
    [
        None,
        [],
        "x",
        {},
        {"x": OTHER},
        {"7": 3},
        {"7": OTHER, "9": OTHER},
        {"9": OTHER},
        {"7": "[C(8,3,1), P(2,2), D(1,2), FC(16), D(2,2), SM(3)]", "9": OTHER, "11": OTHER},
    ],
    ids=str,
)
def test_other_members_than_those_whose_weights_there_are_are_refused(together, tmp_path, members):
    export_network(together[0], tmp_path / "both", [])
    file = tmp_path / "both" / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "members": members}))
    with pytest.raises(ExportError, match="describes no export: "):
        exported(tmp_path / "both")
