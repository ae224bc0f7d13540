import pytest

from trainers.datasets import DatasetError
from trainers.datasets.layout import find_layout


def paths(text):
    return [tuple(path.split("/")) for path in text.split()]


def layout_of(images, folders=""):
    layout = find_layout(paths(images), paths(folders), "source")
    train = {"/".join(parts): label for parts, label in layout.train}
    test = {"/".join(parts): label for parts, label in layout.test}
    return layout.class_names, train, test, layout.unused


def test_splits():
    names, train, test, unused = layout_of("test/b/1.png train/b/1.png train/a/2.png")
    assert names == ("a", "b")
    assert train == {"train/a/2.png": 0, "train/b/1.png": 1}
    assert test == {"test/b/1.png": 1}
    assert unused == ()


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "val"), ("training", "testing"), ("Train", "Valid"), ("train", "validation")],
)
def test_spellings_of_splits(train, test):
    names, _, tested, _ = layout_of(f"{train}/a/1.png {train}/b/1.png {test}/a/1.png")
    assert names == ("a", "b")
    assert list(tested) == [f"{test}/a/1.png"]


def test_validation_images_beside_a_test_set_are_reported_unused():
    _, train, test, unused = layout_of("train/a/1.png train/b/1.png val/a/1.png test/a/2.png")
    assert len(train) == 2
    assert list(test) == ["test/a/2.png"]
    assert unused == ("val",)


def test_classes_directly():
    names, train, test, _ = layout_of("b/1.png a/deep/er/2.png a/0.png")
    assert names == ("a", "b")
    assert list(train.items()) == [("a/0.png", 0), ("a/deep/er/2.png", 0), ("b/1.png", 1)]
    assert test == {}


def test_train_alone():
    assert layout_of("train/a/1.png train/b/1.png")[0] == ("a", "b")


@pytest.mark.parametrize("top", ["top/", "top/below/"])
def test_enclosing_folders_do_not_matter(top):
    assert layout_of(f"{top}a/1.png {top}b/1.png")[0] == ("a", "b")
    names, _, test, _ = layout_of(f"{top}train/a/1.png {top}train/b/1.png {top}test/a/1.png")
    assert (names, len(test)) == (("a", "b"), 1)


def test_a_class_may_be_called_train():
    assert layout_of("bus/1.png car/1.png train/1.png")[0] == ("bus", "car", "train")


def test_loose_images_beside_the_splits_do_not_matter():
    assert layout_of("preview.png train/a/1.png train/b/1.png test/a/1.png")[0] == ("a", "b")


@pytest.mark.parametrize(
    ("images", "folders", "message"),
    [
        ("1.png", "", "image '1.png' of 'source' lies in no class folder"),
        ("a/1.png b/1.png 0.png", "", "image '0.png' of 'source' lies in no class folder"),
        ("train/a/1.png train/0.png test/a/1.png", "", "image 'train/0.png' of 'source' lies in no class"),
        ("a/1.png b/1.png", "a b c", "class folder 'c' of 'source' holds no images"),
        ("top/a/1.png top/b/1.png", "top top/a top/b top/c", "class folder 'top/c' of 'source' holds no"),
        (
            "train/a/1.png test/a/1.png",
            "train train/a train/b",
            "class folder 'train/b' of 'source' holds no",
        ),
        ("train/a/1.png test/z/1.png", "", "class 'z' of 'test/z/1.png' in 'source' is no training class"),
        ("test/a/1.png val/a/1.png", "", "'source' has 'test', 'val' but no train folder with images"),
        ("test/a/1.png", "", "'source' has 'test' but no train folder with images"),
    ],
)
def test_what_does_not_fit_is_named(images, folders, message):
    with pytest.raises(DatasetError) as caught:
        layout_of(images, folders)
    assert message in str(caught.value)


def test_an_empty_test_class_is_no_error():
    assert layout_of("train/a/1.png train/b/1.png test/a/1.png", "test test/b")[0] == ("a", "b")
