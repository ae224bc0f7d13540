"""How far an accuracy may be off, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from metaqnn.export import ExportError
from metaqnn.export.check import TIES, Check, Evidence, check_of
from trainers.normalisation import Normalisation
from trainers.weights import TrainedNetwork


def evidence(n, accuracy):
    return Evidence("validation", np.zeros((n, 1, 1, 1), np.uint8), np.zeros(n, np.int64), accuracy)


@pytest.mark.parametrize("correct", [87, 90, 93])
def test_what_rounding_explains_is_accepted(correct):
    Check(evidence(100, 0.9), "network 7", 3).require("model.py", [correct])


@pytest.mark.parametrize("correct", [86, 94, 0])
def test_what_is_further_off_is_refused_with_both_numbers(correct):
    with pytest.raises(ExportError) as refusal:
        Check(evidence(100, 0.9), "network 7", 3).require("model.py", [correct])
    assert str(refusal.value) == (
        f"network 7 is not exported: model.py reaches {correct}.00% on the 100 validation images, but 90.00% "
        "was observed; rounding explains no more than 3 images"
    )


def test_images_are_given_in_the_unit_interval_and_all_are_heard_of():
    images = np.arange(600, dtype=np.int64).reshape(600, 1, 1, 1)
    some = Evidence("test", (images % 256).astype(np.uint8), np.ones(600, np.int64), 0.5)
    seen, heard = [], []

    def classify(batch):
        seen.extend(batch.flatten().tolist())
        return torch.stack([batch.flatten() * 0, batch.flatten() - 0.5], 1)

    assert some.hits(classify, heard.append) == [0, int((images % 256 > 127.5).sum())]
    assert seen == pytest.approx((images.flatten() % 256 / 255).tolist())
    assert sum(heard) == 600


def test_images_stand_as_users_have_them():
    pixels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(1, 3, 4, 2)

    def classify(batch):
        assert batch.shape == (1, 2, 3, 4)
        found = [255 * batch[0, c, y, x].item() for c, y, x in ((0, 0, 1), (0, 1, 0), (1, 0, 0))]
        assert found == pytest.approx([2, 8, 1])
        return torch.tensor([[0.0, 1.0]])

    assert Evidence("test", pixels, np.ones(1, np.int64), 1.0).hits(classify, lambda _: None) == [0, 1]


def test_a_class_that_is_always_missed_is_counted_too():
    some = replace(evidence(4, 0.25), labels=np.array([0, 1, 2, 2]))
    assert some.hits_among(np.array([0, 0, 0, 1])) == [1, 0, 0]


@pytest.mark.parametrize(("rare", "accepted"), [(7, True), (6, False)])
def test_an_image_of_the_rarest_class_counts_most_for_balanced_accuracy(rare, accepted):
    """Of 90 and 10 images, 3 of the 10 are 15% of the balanced accuracy, and 4 are 20%."""
    labels = np.repeat([0, 1], [90, 10])
    some = replace(evidence(100, 1.0), labels=labels, metric="balanced-accuracy")
    if accepted:
        Check(some, "network 7", 3).require("model.py", [90, rare])
    else:
        with pytest.raises(ExportError, match=r"reaches 80.00% balanced accuracy on the 100"):
            Check(some, "network 7", 3).require("model.py", [90, rare])


def test_the_trained_network_passes_and_rounding_is_counted(make_random):
    exportable = make_random()
    heard = []
    check = check_of(
        exportable.evidence, exportable.network, exportable.normalisation, "network 7", heard.append
    )
    assert check.allowed >= TIES
    assert sum(heard) == 2 * 40


@pytest.mark.parametrize(("close", "allowed"), [(2, 2 * 2), (150, 200 // 20)])
def test_images_that_rounding_moves_count_twice_up_to_a_twentieth_of_all(close, allowed):
    network, evidence = close_classes(close)
    check = check_of(evidence, network, Normalisation.of(evidence.images), "network 7", lambda _: None)
    assert check.allowed == allowed + 2  # for exact ties


def test_an_accuracy_that_was_observed_on_other_images_is_not_compared(make_random):
    exportable = make_random()
    other = replace(exportable.evidence, changed="the test images are others")
    with pytest.raises(ExportError, match=r"^network 7 is not exported: the test images are others$"):
        check_of(other, exportable.network, exportable.normalisation, "network 7", lambda _: None)


def close_classes(close):
    """Logits (9, 9 + d): d = 1e-3 for `close` of 200 images, which bfloat16 does not tell from 0, else 0.5.

    The second pixel of an image decides which it is.
    """
    pixels = np.full((200, 1, 2, 1), 200, np.uint8)
    pixels[:close, 0, 1] = 0
    network = TrainedNetwork(
        "[SM(2)]", (1, 1, 2), 2, 1.0, {"1.weight": torch.zeros(2, 2), "1.bias": torch.zeros(2)}
    )
    mean, std = pixels.mean(), pixels.std()
    slope = 0.5 / 200  # of the second logit over the second pixel
    network.weights["1.weight"][1, 1] = slope * std
    network.weights["1.bias"].copy_(torch.tensor([9.0, 9.0 + 1e-3 + slope * mean]))
    return network, Evidence("validation", pixels, np.ones(200, np.int64), 1.0)


def drowned(tensor):
    """Nearly equal logits: bfloat16 cannot tell them apart, which must not make any accuracy acceptable."""
    return 1e-3 * tensor.neg() + 1000.0 * (tensor.dim() == 1)


@pytest.mark.parametrize("tampering", [torch.zeros_like, torch.neg, torch.randn_like, drowned])
def test_weights_that_were_tampered_with_are_refused(make_random, tampering):
    exportable = make_random()
    torch.manual_seed(0)
    weights = {name: tampering(tensor) for name, tensor in exportable.network.weights.items()}
    network = replace(exportable.network, weights=weights)
    with pytest.raises(ExportError, match="network 7 is not exported: the network in the run folder reaches"):
        check_of(exportable.evidence, network, exportable.normalisation, "network 7", lambda _: None)
