"""The source computes what the trainers' network computes, and no name in a data set can change it."""

import ast
import re
import runpy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.export.formats import load_source
from metaqnn.export.source import layer_sources, model_source, named_weights

ARCHITECTURES = [
    "[C(8,3,1), P(2,2), D(1,2), FC(16), D(2,2), SM(3)]",
    "[C(4,5,2), C(8,1,1), D(1,1), P(3,2), GAP(3), SM(3)]",
    "[SM(3)]",
    "[FC(8), D(1,2), FC(4), D(2,2), SM(3)]",
    "[P(3,3), C(4,3,1), D(1,1), C(2,5,3), SM(3)]",
    "[P(2,2), P(2,1), VB(8,3,1), SM(3)]",
    "[CB(4,3,1), V(6,3,2), CB(4,1,1), D(1,1), GAP(3), SM(3)]",
]
HOSTILE = [
    '"""',
    "'''",
    '"',
    "'",
    "\n",
    "\\",
    "{{ 1 }}",
    "{% raw %}",
    "\r\x00",
    "\u202e",
    "\ud800",
    "]; import os; [",
]
NAMES = st.text(st.characters(), max_size=12) | st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join)


def network_of(exportable, folder):
    """The network of the source, with the exportable's weights."""
    (folder / "model.py").write_text(model_source(exportable.card))
    network = load_source(folder).Network()
    network.load_state_dict(named_weights(exportable.card, exportable.network.weights))
    return network.eval()


@pytest.mark.parametrize("kind", ["channels", "global-contrast"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_source_computes_what_the_trainers_network_does(
    make_random, reference, in_unit, tmp_path, architecture, kind
):
    exportable = make_random(architecture, kind=kind)
    images = exportable.evidence.images
    expected = reference(exportable.network, exportable.normalisation, images)
    found = network_of(exportable, tmp_path)(in_unit(images))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.01


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_comments_tell_the_shapes(make_random, tmp_path, architecture):
    exportable = make_random(architecture)
    network = network_of(exportable, tmp_path)
    layers = {layer.name: layer for layer in layer_sources(exportable.card, exportable.card.architecture)}
    sizes = {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda *args, name=name: sizes.__setitem__(name, args[-1].shape[1:]))
    network(torch.rand(2, 3, 9, 9))
    assert sizes.keys() == {"normalise", *layers}
    for name, layer in layers.items():
        said = [int(size) for size in re.findall(r"\d+", layer.comment.partition(": ")[2])]
        # The hook of a global average pooling sees the maps before their means are taken.
        assert said == list(sizes[name])[: len(said)]
        assert f"# {layer.comment}\n" in model_source(exportable.card)


def test_an_image_of_one_colour_has_no_contrast(make_random, tmp_path):
    network = network_of(make_random(kind="global-contrast"), tmp_path)
    images = torch.full((1, 3, 9, 9), 0.3)
    assert not network.normalise(images).any()  # neither 0 / 0 nor what the mean is rounded by
    assert torch.isfinite(network(images)).all()


def test_dropout_is_there_for_further_training(make_random, tmp_path):
    network = network_of(make_random(ARCHITECTURES[0]), tmp_path)
    assert [network.dropout1.p, network.dropout2.p] == [0.25, 0.5]


def test_images_of_any_number_of_channels(make_random, reference, in_unit, tmp_path):
    exportable = make_random("[C(4,3,1), SM(3)]", input_shape=(4, 6, 6))
    images = exportable.evidence.images
    expected = reference(exportable.network, exportable.normalisation, images)
    torch.testing.assert_close(
        network_of(exportable, tmp_path)(in_unit(images)), expected, rtol=1e-4, atol=1e-5
    )


@settings(max_examples=60)
@given(names=st.lists(NAMES, min_size=3, max_size=3, unique=True))
def test_class_names_change_nothing_but_the_list_of_classes(make_card, names):
    tree, plain = (ast.parse(model_source(card)) for card in (make_card(classes=(*names,)), make_card()))
    model_source(make_card(classes=(*names,))).encode()  # also where a name is no valid Unicode
    found = classes_of(tree)
    assert ast.literal_eval(found.value) == names
    found.value = classes_of(plain).value
    assert ast.dump(tree) == ast.dump(plain)


@settings(max_examples=50)
@given(dataset=NAMES, run=NAMES)
def test_other_names_change_nothing_but_the_name_of_the_network(make_card, dataset, run):
    card, plain = make_card(dataset=dataset, run=run), make_card()
    assert re.fullmatch(r"metaqnn(_[a-z0-9]+)*_7", card.name)
    assert model_source(card).replace(card.name, plain.name) == model_source(plain)


def classes_of(tree):
    """The statement `CLASSES = [...]`."""
    (found,) = (
        node for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "CLASSES"
    )
    return found


def test_a_program_for_images_that_no_file_has_says_so(make_random, tmp_path):
    (tmp_path / "model.py").write_text(model_source(make_random(input_shape=(2, 9, 9)).card))
    with pytest.raises(SystemExit, match="takes images of 2 channels; image files have 1 or 3"):
        runpy.run_path(str(tmp_path / "model.py"), run_name="__main__")
