from dataclasses import replace

import pytest

from state_space import Architecture, Pooling, StateSpaceError, preset


def described(space):
    return {name: getattr(space, name) for name in ("layer_limit", "image_size", "channels", "num_classes")}


@pytest.mark.parametrize(("name", "limit"), [("cifar10", 18), ("svhn", 12)])
def test_the_published_spaces(name, limit):
    space = preset(name)
    assert described(space) == {"layer_limit": limit, "image_size": 32, "channels": 3, "num_classes": 10}
    assert (space.conv_widths, space.conv_sizes) == ((64, 128, 256, 512), (1, 3, 5))
    assert (space.pools, space.fc_widths) == (((5, 3), (3, 2), (2, 2)), (512, 256, 128))
    assert (space.max_fc, space.fc_below) == (2, 8)


def test_the_layer_limit_tells_the_published_spaces_apart():
    network = Architecture.parse(", ".join(["C(64,1,1)"] * 13 + ["SM(10)"]))
    assert preset("cifar10").contains(network)
    assert not preset("svhn").contains(network)


def test_published_networks_are_in_the_published_space(published):
    assert preset("cifar10").contains(Architecture.parse(published[0]))


def test_the_small_spaces():
    laptop, first_run = preset("laptop"), preset("first-run")
    assert described(laptop) == {"layer_limit": 8, "image_size": 16, "channels": 3, "num_classes": 10}
    assert (laptop.conv_widths, laptop.fc_widths) == ((8, 16, 32, 64), (64, 32, 16))
    assert first_run.input_shape == (1, 8, 8)


@pytest.mark.parametrize("name", ["cifar10", "svhn", "laptop", "first-run"])
def test_every_kind_of_layer_can_be_reached(name, rng):
    space = preset(name)
    kinds = {type(layer).__name__ for _ in range(500) for layer in space.sample(rng).layers}
    assert kinds == {"Convolution", "Pooling", "FullyConnected", "Dropout", "GlobalAveragePooling", "Softmax"}


def test_a_map_of_the_first_run_is_halved_at_most_twice(rng):
    space = preset("first-run")
    for layers in (space.sample(rng).layers for _ in range(300)):
        pools = [layer for layer in layers if isinstance(layer, Pooling)]
        assert len(pools) <= 2
        assert all(pool.stride == 2 for pool in pools)


def test_a_preset_adapts_to_other_images_and_classes():
    space = replace(preset("laptop"), image_size=28, channels=1, num_classes=200)
    assert space.input_shape == (1, 28, 28)
    assert space.contains(Architecture.parse("C(8,3,1), GAP(200), SM(200)"))
    assert space.conv_widths == preset("laptop").conv_widths


@pytest.mark.parametrize(("name", "near"), [("cifr10", "'cifar10'"), ("first_run", "'first-run'")])
def test_an_unknown_name_lists_the_names_and_the_nearest(name, near):
    with pytest.raises(StateSpaceError) as caught:
        preset(name)
    message = str(caught.value)
    assert repr(name) in message
    assert "cifar10, svhn, laptop, first-run" in message
    assert f"did you mean {near}?" in message


def test_images_that_no_preset_serves_are_refused():
    with pytest.raises(StateSpaceError, match="image_size must be a whole number from 2 to 99999, not 0"):
        replace(preset("laptop"), image_size=0)
