from itertools import groupby

import numpy as np
import pytest
import torch
from torch import nn

from state_space import Architecture, GlobalAveragePooling, ShapeError, StateSpace, preset
from trainers import build_network
from trainers.networks import QuickDropout, scale_dropout

GAP = "[C(8,3,1), C(16,1,1), D(1,2), P(2,2), C(8,5,1), D(2,2), GAP(10), SM(10)]"
DENSE = "[C(8,3,1), P(3,2), FC(16), D(1,2), FC(12), D(2,2), SM(10)]"


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def build(text, shape=(3, 9, 9), classes=10, seed=0):
    return build_network(Architecture.parse(text), shape, classes, seeded(seed))


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("text", [GAP, DENSE])
@pytest.mark.parametrize(("shape", "classes"), [((3, 9, 9), 10), ((1, 8, 8), 4), ((3, 12, 10), 7)])
def test_any_batch_gives_one_logit_per_class(text, shape, classes):
    assert build(text, shape, classes)(torch.randn(5, *shape)).shape == (5, classes)


def test_parameter_count_written_out():
    # C: 8*3*3*3+8; P(3,2): 9 -> 4; FC(16): 8*4*4*16+16; FC(12): 16*12+12; SM: 12*10+10.
    assert parameters(build(DENSE)) == 224 + 2064 + 204 + 130


@pytest.mark.parametrize("seed", range(10))
def test_parameter_count_is_the_architecture_s(seed):
    architecture = preset("laptop").sample(np.random.default_rng(seed))
    network = build_network(architecture, (3, 16, 16), 10, seeded(0))
    assert parameters(network) == architecture.parameters((3, 16, 16), 10)


def test_global_average_pooling_gives_the_mean_of_a_1x1_convolution():
    network = build("[C(8,3,1), GAP(10), SM(10)]").eval()
    first, last = (module for module in network if isinstance(module, nn.Conv2d))
    images = torch.randn(4, 3, 9, 9)
    maps = torch.relu(first(images)).detach().numpy()
    weights, bias = last.weight.detach().numpy()[:, :, 0, 0], last.bias.detach().numpy()
    expected = np.einsum("bchw,kc->bkhw", maps, weights).mean((2, 3)) + bias
    assert np.allclose(network(images).detach().numpy(), expected, atol=1e-5)


def test_a_dense_network_written_out_with_functions():
    network = build("[C(8,3,1), P(3,2), FC(16), SM(10)]").eval()
    (w1, b1), (w2, b2), (w3, b3) = ((m.weight, m.bias) for m in network if hasattr(m, "weight"))
    images = torch.randn(4, 3, 9, 9)
    maps = nn.functional.max_pool2d(torch.relu(nn.functional.conv2d(images, w1, b1, padding=1)), 3, 2)
    hidden = torch.relu(maps.flatten(1) @ w2.T + b2)
    assert torch.allclose(network(images), hidden @ w3.T + b3, atol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_every_layer_gives_the_shape_that_its_stage_says(seed):
    space = StateSpace(
        conv_widths=(2, 4), fc_widths=(6, 4), max_fc=3, layer_limit=7, image_size=16, conv_padding="valid",
        batch_norm=True, initial_pooling=True, consecutive_pooling=True,
    )  # fmt: skip
    architecture = space.sample(np.random.default_rng(seed))
    shapes, values = [(3, 16, 16)], torch.randn(2, 3, 16, 16)
    network = build_network(architecture, (3, 16, 16), 10, seeded(0))
    for module in network:
        values = module(values)
        if tuple(values.shape[1:]) != shapes[-1] and not isinstance(module, nn.Flatten):
            shapes.append(tuple(values.shape[1:]))
    expected = [(3, 16, 16), *(stage.output_shape for stage in architecture.stages((3, 16, 16), 10))]
    if isinstance(architecture.terminal, GlobalAveragePooling):  # a convolution to maps, and their means
        expected.insert(-2, (10, *expected[-3][1:]))
    assert shapes == [shape for shape, _ in groupby(expected)]
    assert parameters(network) == architecture.parameters((3, 16, 16), 10)


def test_normalised_and_unpadded_convolutions_written_out_with_functions():
    network = build("[VB(8,3,1), CB(4,3,1), SM(10)]")
    norms = [module for module in network if isinstance(module, nn.BatchNorm2d)]
    assert [norm.weight.tolist() for norm in norms] == [[1.0] * 8, [1.0] * 4]
    images = torch.randn(16, 3, 9, 9)
    network(images)  # measures means and variances
    network.eval()
    maps = images
    for convolution, norm, padding in zip((network[0], network[3]), norms, (0, 1), strict=True):
        maps = nn.functional.conv2d(maps, convolution.weight, convolution.bias, padding=padding)
        mean, variance = (part.view(1, -1, 1, 1) for part in (norm.running_mean, norm.running_var))
        maps = torch.relu((maps - mean) / (variance + 1e-5).sqrt())
    assert maps.shape == (16, 4, 7, 7)
    expected = maps.flatten(1) @ network[-1].weight.T + network[-1].bias
    assert torch.allclose(network(images), expected, atol=1e-5)


def test_weights_follow_xavier_s_rule_and_biases_are_zero():
    network = build("[C(64,3,1), FC(128), SM(10)]", (3, 7, 7))
    for module, fans in zip(
        (m for m in network if hasattr(m, "weight")),
        (3 * 9 + 64 * 9, 64 * 49 + 128, 128 + 10),
        strict=True,
    ):
        bound = (6 / fans) ** 0.5
        largest = module.weight.abs().max().item()
        assert 0.95 * bound < largest <= bound
        assert module.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
        assert not module.bias.any()


def test_layers_are_those_of_pytorch_and_can_draw_new_weights():
    convolution = next(iter(build(GAP, seed=1)))
    assert type(convolution) is nn.Conv2d
    before = convolution.weight.clone()
    convolution.reset_parameters()
    assert not torch.equal(convolution.weight, before)


def test_the_generator_alone_decides_the_weights():
    state = torch.get_rng_state()
    first = build(GAP, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)
    again, other = build(GAP, seed=1).state_dict(), build(GAP, seed=2).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_pool_larger_than_its_map_is_refused():
    with pytest.raises(ShapeError):
        build("[C(8,3,1), P(5,3), GAP(10), SM(10)]", (3, 4, 4))


def test_dropout_tokens_become_layers_of_their_rates():
    rates = [module.rate for module in build(GAP) if isinstance(module, QuickDropout)]
    assert rates == [1 / 4, 2 / 4]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5])
def test_dropout_zeroes_its_share_scales_the_rest_and_lets_gradients_through(rate, layout, dtype):
    ones = torch.ones(50, 7, 9, 11, dtype=dtype).to(memory_format=layout).requires_grad_()
    dropped = QuickDropout(rate)(ones)
    dropped.sum().backward()
    assert torch.equal(dropped, ones.grad)
    assert (dropped == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
    kept = dropped[dropped != 0]
    assert torch.equal(kept, kept[:1].expand_as(kept))
    assert kept[0].item() == pytest.approx(1 / (1 - rate), rel=2e-3 if dtype is torch.bfloat16 else 1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_image_is_normalised_in_a_map_of_one_pixel(dtype):
    """PyTorch refuses it: an epoch whose last batch is one image ended with a ValueError."""
    network = build_network(Architecture.parse("C(3,3,1) P(8,8) CB(4,1,1) SM(10)"), (1, 8, 8), 10)
    norm = network[4]
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
        network(torch.rand(5, 1, 8, 8))
        mean = norm.running_mean.clone()
        image = torch.rand(1, 1, 8, 8)
        trained = network(image)
        assert torch.equal(trained, network.eval()(image))
    assert torch.equal(norm.running_mean, mean)
    trained.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("layers", "rates"),
    [("C(4,3,1) C(4,3,1) SM(10)", [0.3]), ("C(4,3,1) P(2,2) C(4,3,1) FC(8) SM(10)", [0.1, 0.2])],
)
def test_scaled_dropout_keeps_its_share_of_the_rate_of_dnn(layers, rates):
    plain = Architecture.parse(layers)
    network = build_network(Architecture.with_dropout(plain.chosen, plain.terminal), (1, 8, 8), 10)
    scale_dropout(network, 0.3)
    assert [layer.rate for layer in network if isinstance(layer, QuickDropout)] == pytest.approx(rates)


def test_dropout_treats_elements_independently():
    dropped = QuickDropout(0.5)(torch.ones(40_000, 2)) == 0
    assert torch.logical_and(dropped[:, 0], dropped[:, 1]).float().mean().item() == pytest.approx(
        0.25, abs=0.02
    )
    assert torch.logical_and(dropped[1:, 0], dropped[:-1, 0]).float().mean().item() == pytest.approx(
        0.25, abs=0.02
    )


def test_dropout_does_nothing_in_evaluation():
    numbers = torch.randn(3, 5)
    assert torch.equal(QuickDropout(0.5).eval()(numbers), numbers)
