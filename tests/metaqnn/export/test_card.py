"""What is said about a network, to people and to programs, whatever its data set is called."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.export.card import without_path

FILES = {"model.py": {"sha256": "0" * 64, "part": "validation", "images": 40, "correct": 35}}
HOSTILE = [
    "<script>alert(1)</script>",
    "```",
    "`",
    "|",
    "\n\n# x",
    "[a](http://x.y)",
    "http://x.y",
    "www.x.yz",
]
HOSTILE += [
    "a@x.yz",
    "<!--",
    "*x*",
    "__x__",
    "{{ x }}",
    "&lt;",
    "![x](y)",
    "\\",
    "\ud800",
    "\u202e",
    "$x$",
    "~~x~~",
]
NAMES = st.text(st.characters(), max_size=12) | st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join)


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))

    def handle_comment(self, data):
        self.tags.append(("comment", data))

    def handle_data(self, data):
        self.text += data


def rendered(card):
    markdown_it = pytest.importorskip("markdown_it")
    linkify = find_spec("linkify_it") is not None  # addresses become links, as on GitHub
    return Tags(markdown_it.MarkdownIt("gfm-like", {"linkify": linkify}).render(card.readme(FILES)))


@settings(max_examples=60)
@given(dataset=NAMES, run=NAMES, names=st.lists(NAMES, min_size=2, max_size=3, unique=True))
def test_names_cannot_add_anything_to_the_page(make_card, dataset, run, names):
    card = make_card()
    hostile = replace(card, dataset=dataset, run=run, classes=(*names,))
    page = rendered(hostile)
    assert page.tags == rendered(card).tags
    assert json.dumps(names) in page.text
    if dataset.isprintable():
        assert dataset.strip() in page.text
    hostile.readme(FILES).encode()  # what is no valid Unicode is escaped
    json.dumps(hostile.to_dict(FILES)).encode()


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("cifar10", "metaqnn_cifar10_7"),
        ("fashion-mnist", "metaqnn_fashion_mnist_7"),
        ("/data/My Photos/", "metaqnn_my_photos_7"),
        ("C:\\data\\birds.tar.gz", "metaqnn_birds_7"),
        ("猫", "metaqnn_7"),
        ("x" * 500, f"metaqnn_{'x' * 60}_7"),
    ],
)
def test_a_network_is_named_after_its_data_set_and_number(make_card, dataset, name):
    assert make_card(dataset=dataset).name == name


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ("cifar10", "cifar10"),
        ("/home/me/secret/photos/", "photos"),
        ("C:\\data\\birds.tar.gz", "birds.tar.gz"),
        ("my.module:images", "my.module:images"),
    ],
)
def test_where_images_lie_is_not_told(dataset, told):
    assert without_path(dataset) == told


def test_the_readme_says_which_accuracy_is_which(make_card):
    searched = make_card().readme(FILES)
    assert "87.50% validation accuracy" in searched
    assert "| test accuracy | not measured" in searched
    finetuned = make_card(weights_from="finetune", test_accuracy=0.91, test_images=359).readme(FILES)
    assert "91.00% test accuracy" in finetuned
    assert "| test accuracy | 91.00% on 359 images |" in finetuned
    assert "87.50%, observed in the search on 40 images, as the search trained it" in finetuned
    stopped = make_card(weights_from="finetune", validation_accuracy=None, test_accuracy=0.91).readme(FILES)
    assert "not observed: the search did not train exactly this network to the end" in stopped


def test_the_readme_tells_only_of_files_that_are_there(make_card):
    assert "onnxruntime" not in make_card().readme(FILES)
    assert "onnxruntime" in make_card().readme({**FILES, "model.onnx": FILES["model.py"]})
    assert "model.py image.png" not in make_card(input_shape=(4, 9, 9)).readme(FILES)


@pytest.mark.parametrize(("origin", "title"), [("search", "network 17"), ("train", "the network")])
def test_a_network_that_was_trained_alone_has_no_number(make_card, origin, title):
    assert make_card(weights_from=origin, network=17).title == title
