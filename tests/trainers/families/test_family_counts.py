"""What is built has as many parameters and layers as the descriptions say, counted by hand."""

import pytest
import torch
from torch import nn

from trainers.families import FamilyError, make_family

RGB = (3, 32, 32)


def built(family, values, shape=RGB, classes=10):
    return family.built(values, shape, classes, torch.Generator().manual_seed(0))


def count(module, kind):
    return sum(isinstance(part, kind) for part in module.modules())


@pytest.mark.parametrize(("blocks", "filters", "size"), [(2, 2, 3), (3, 5, 5), (4, 3, 7), (18, 2, 3)])
def test_a_resnet_of_n_has_6n_plus_2_layers_and_the_parameters_of_its_formula(blocks, filters, size):
    family = make_family("resnet", "paper")
    values = {"num_blocks": blocks, "num_filters": filters, "filter_size": size, "ss": 30}
    module = built(family, values)
    assert count(module, nn.Conv2d) + count(module, nn.Linear) == 6 * blocks + 2
    # 2n blocks over the widths f, 2f, 4f, the first ones first.
    each = [-(-(2 * blocks - stage) // 3) for stage in range(3)]
    expected, before = size**2 * 3 * filters + 2 * filters, filters
    for stage, number in enumerate(each):
        width = filters * 2**stage
        for _ in range(number):
            expected += size**2 * width * (before + 2 * width) + 3 * 2 * width
            before = width
    expected += (before + 1) * 10
    assert sum(p.numel() for p in module.parameters()) == expected
    assert family.facts(values, RGB, 10) == {"parameters": expected, "depth": 6 * blocks + 2}


def test_a_resnet_halves_the_map_twice():
    family = make_family("resnet", "paper")
    module = built(family, {"num_blocks": 2, "num_filters": 2, "filter_size": 3, "ss": 30})
    maps = module[:-3](torch.zeros(1, *RGB))
    assert maps.shape == (1, 8, 8, 8)


def test_resnet39_has_36_convolutions_in_blocks_of_three(members):
    family = make_family("resnet39", "paper")
    values = {name: {"k": 1}.get(name, value) for name, value in members["resnet39"][1].items()}
    values = {name: 8 if name.startswith("kernels") else value for name, value in values.items()}
    values.update(kernel_height_5=7, kernel_width_5=5, kernels_5=16)
    module = built(family, values)
    shapes = [tuple(c.weight.shape) for c in module.modules() if isinstance(c, nn.Conv2d)]
    assert len(shapes) == 36
    assert shapes[12:15] == [(16, 8, 7, 5), (16, 16, 7, 5), (16, 16, 7, 5)]
    pools = [i for i, part in enumerate(module) if isinstance(part, nn.MaxPool2d)]
    assert pools == [4, 8]  # after 4 and after 3 more blocks
    expected = sum(o * i * h * w + 2 * o for o, i, h, w in shapes) + (8 + 1) * 10
    assert family.facts(values, RGB, 10)["parameters"] == expected


def test_the_convnet_has_the_parameters_of_cuda_convnet(members):
    family = make_family("convnet", "paper")
    expected = 32 * (75 + 1) + 32 * (800 + 1) + 64 * (800 + 1) + (64 * 16 + 1) * 10
    assert family.facts(members["convnet"][1], RGB, 10)["parameters"] == expected == 89578  # Caffe's too


def test_an_lstm_has_the_parameters_of_its_formula():
    family = make_family("lstm", "paper")
    values = {"n_layer": 3, "n_inputs": 50, "n_cells": 30}
    words, inputs, cells = 1000, 50, 30
    layers = 4 * cells * (inputs + cells + 2) + 2 * 4 * cells * (2 * cells + 2)
    expected = words * 400 + (400 + 1) * inputs + layers + (cells + 1) * words
    assert family.facts(values, (), words)["parameters"] == expected


def test_batch_normalisation_follows_every_convolution_but_the_head(members):
    text = "[C(4,3,1), D(1,2), C(6,3,1), D(2,2), GAP(10), SM(10)]"
    family = make_family(text, "paper")
    values = {**members["network"][1], "dropout": 0.3}
    plain = sum(p.numel() for p in built(family, {**values, "batch_norm": 0}).parameters())
    assert plain == family.architecture.parameters(RGB)
    assert sum(p.numel() for p in built(family, values).parameters()) == plain + 2 * (4 + 6)
    rates = [part.rate for part in built(family, values) if hasattr(part, "rate")]
    assert rates == pytest.approx([0.15, 0.3])  # the published rates are 0.25 and 0.5


def test_what_is_normalised_already_is_not_asked_about():
    assert "batch_norm" in make_family("[CB(4,3,1), C(4,3,1), SM(10)]", "paper").parameters
    assert "batch_norm" not in make_family("[CB(4,3,1), SM(10)]", "paper").parameters


@pytest.mark.parametrize(("name", "side"), [("resnet", 7), ("resnet39", 3), ("convnet", 7)])
def test_images_that_are_too_small_are_refused(name, side, members):
    with pytest.raises(FamilyError, match=f"images of {side}x{side} are too small for '{name}'"):
        built(make_family(name, "paper"), members[name][1], (3, side, side))


@pytest.mark.parametrize("name", ["resnet", "resnet39", "convnet"])
def test_images_of_any_side_go_through(name, members):
    for side in (*range(8, 20), 28, 31):
        shape = (1, side, side + 3)
        module = built(make_family(name, "paper"), members[name][1], shape, classes=4).eval()
        assert module(torch.zeros(2, *shape)).shape == (2, 4)


def test_response_normalisation_is_its_formula():
    from trainers.families.convnet import ResponseNormalisation

    maps = torch.arange(9.0).reshape(1, 1, 3, 3)
    found = ResponseNormalisation(scale=0.5, power=0.75)(maps)
    in_the_middle = 4 / (1 + 0.5 * sum(i**2 for i in range(9)) / 9) ** 0.75
    in_the_corner = 8 / (1 + 0.5 * (16 + 25 + 49 + 64) / 9) ** 0.75
    assert found[0, 0, 1, 1].item() == pytest.approx(in_the_middle)
    assert found[0, 0, 2, 2].item() == pytest.approx(in_the_corner)


def test_what_is_known_of_a_network_takes_no_memory():
    family = make_family("[C(99999,999,1), GAP(10), SM(10)]", "paper")  # 1.2 TB of weights
    facts = family.facts({"batch_norm": 0}, RGB, 10)
    assert facts["parameters"] == (999 * 999 * 3 + 1) * 99999 + (99999 + 1) * 10
