import pytest

from trainers.datasets import DatasetError
from trainers.datasets.layout import find_layout


def paths(text):
    return [tuple(path.split("/")) for path in text.split()]


def layout_of(images, folders=""):
    layout = find_layout(paths(images), paths(folders), "source")
    train = {"/".join(parts): label for parts, label in layout.train}
    test = {"/".join(parts): label for parts, label in layout.test}
    return layout.class_names, train, test, layout.notes


def test_folders_named_train_and_test_are_splits():
    names, train, test, notes = layout_of("test/b/1.png train/b/1.png train/a/2.png")
    assert names == ("a", "b")
    assert train == {"train/a/2.png": 0, "train/b/1.png": 1}
    assert test == {"test/b/1.png": 1}
    assert notes == ()


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "val"), ("training", "testing"), ("Train", "Valid"), ("train", "validation")],
)
def test_splits_may_be_spelt_in_several_ways(train, test):
    names, _, tested, _ = layout_of(f"{train}/a/1.png {train}/b/1.png {test}/a/1.png")
    assert names == ("a", "b")
    assert list(tested) == [f"{test}/a/1.png"]


def test_validation_images_beside_a_test_set_are_reported_unused():
    _, train, test, notes = layout_of("train/a/1.png train/b/1.png val/a/1.png test/a/2.png")
    assert len(train) == 2
    assert list(test) == ["test/a/2.png"]
    assert notes == ("images in 'val' are not used",)


@pytest.mark.parametrize(
    "images", ["train/a/1.png train/b/1.png val/a/1.png", "a/train/1.png b/train/1.png a/val/1.png"]
)
def test_validation_images_that_become_the_test_images_are_noted(images):
    notes = ("images in 'val' are the test images, as there are no others",)
    assert layout_of(images)[3] == notes
    assert find_layout(paths(images), [], "source", own_validation=True).notes == ()


def test_folders_without_splits_are_classes():
    names, train, test, _ = layout_of("b/1.png a/deep/er/2.png a/0.png")
    assert names == ("a", "b")
    assert list(train.items()) == [("a/0.png", 0), ("a/deep/er/2.png", 0), ("b/1.png", 1)]
    assert test == {}


def test_train_may_stand_alone():
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
    ("loose", "note"),
    [
        ("preview.png", "1 image beside the splits is not used: 'preview.png'"),
        ("2.png 1.png", "2 images beside the splits are not used: '1.png', '2.png'"),
    ],
)
def test_loose_images_beside_the_splits_are_noted(loose, note):
    assert layout_of(f"{loose} train/a/1.png train/b/1.png test/a/1.png")[3] == (note,)


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
        (
            "a/train/1.png a/test/2.png b/test/3.png",
            "a b",
            "class folder 'b' of 'source' holds no training images",
        ),
        ("train/a/1.png test/z/1.png", "", "class 'z' of 'test/z/1.png' in 'source' is not a training class"),
        (
            "train/Cat/1.png test/cat/1.png",
            "",
            "class 'cat' of 'test/cat/1.png' in 'source' is not a training class, but 'Cat' is",
        ),
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


SPLITS = """
training_set test_set; train_images test_images; Train_Data Test_Data; trainset testset; x_train x_test
train1 test1; train2017 val2017; Treino Teste; seg_train seg_test; TrainingData ValidationData; trn tst
Entrenamiento Prueba; Entraînement Validation; обучение тест; 训练集 测试集; my_train_pics my_test_pics
tumor_train tumor_test; trainval test; images_train images_test; train dev; train eval; Train-Set Holdout
Trainingsbilder Testbilder; Trainingsdatensatz Testdatensatz
"""
PAIRS = [tuple(pair.split()) for line in SPLITS.strip().splitlines() for pair in line.split("; ")]


@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_splits_by_what_their_names_have_in_common(train, test):
    above = f"{train}/a/1.png {train}/b/1.png {test}/a/2.png {test}/b/2.png"
    below = f"a/{train}/1.png b/{train}/1.png a/{test}/2.png b/{test}/2.png"
    for images in (above, below):
        names, trained, tested, _ = layout_of(images)
        assert names == ("a", "b")
        assert (sorted(trained.values()), sorted(tested.values())) == ([0, 1], [0, 1])
        assert all(train in path for path in trained)
        assert all(test in path for path in tested)


def test_names_that_are_not_plain_are_told():
    notes = layout_of("seg_train/a/1.png seg_train/b/1.png seg_test/a/2.png seg_pred/1.png")[3]
    assert notes[0] == "splits by their names: 'seg_test' is test, 'seg_train' is train"
    assert notes[1] == "images in 'seg_pred' are not used"


@pytest.mark.parametrize(
    "images",
    [
        "train/seg_train/a/1.png train/seg_train/b/1.png test/seg_test/a/1.png",
        "x/images/train/a/1.png x/images/train/b/1.png x/images/test/a/1.png",
        "data/Train/images/a/1.png data/Train/images/b/1.png data/Test/images/a/1.png",
    ],
)
def test_folders_between_a_split_and_its_classes(images):
    names, train, test, _ = layout_of(images)
    assert (names, len(train), list(test.values())) == (("a", "b"), 2, [0])


@pytest.mark.parametrize(
    "test", ["test/1.png test/2.png", "test/images/1.png test/images/2.png", "Test/unknown/1.png"]
)
def test_a_test_set_without_classes_is_left_out_with_a_note(test):
    names, train, tested, notes = layout_of(f"train/a/1.png train/b/1.png {test}")
    assert (names, len(train), tested) == (("a", "b"), 2, {})
    many = len(test.split()) > 1
    said = (
        "2 images in {} lie in no class folders: they are"
        if many
        else "1 image in {} lies in no class folder: it is"
    )
    assert notes == (f"{said.format(repr(test[:4]))} left out",)


def test_a_validation_set_of_its_own():
    images = paths("train/a/1.png train/b/1.png valid/b/2.png test/a/3.png")
    layout = find_layout(images, [], "source", own_validation=True)
    assert layout.validation == [(("valid", "b", "2.png"), 1)]
    assert layout.test == [(("test", "a", "3.png"), 0)]


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ("a/images/1.png a/masks/1.png b/images/1.png b/masks/1.png", "'a/masks' looks like masks or labels"),
        ("images/a/1.png images/b/1.png labels/a/1.png labels/b/1.png", "'labels' looks like masks"),
        ("JPEGImages/1.png SegmentationClass/1.png", "'SegmentationClass' looks like masks"),
        ("train_images/1.png train_masks/1.png", "'train_masks' looks like masks"),
        ("train/images/1.png train/gt/1.png test/images/1.png test/gt/1.png", "'gt' looks like masks"),
        ("a/1.png a/1_mask.png b/2.png b/2_mask.png", "'a/1_mask.png' looks like a mask of the image beside"),
        ("train1/1.png test1/2.png", "'test1', 'train1' look like splits, but hold no class folders"),
        (
            "dev/a/1.png dev/b/2.png eval/a/3.png eval/b/4.png",
            "'dev', 'eval' look like splits, but none is for training",
        ),
        ("train/1.png test1/2.png more/3.png", "'test1', 'train' look like splits, but hold no class"),
        ("yes/1.png no/1.png all/yes/1.png all/no/1.png", "'all' holds the folders 'no', 'yes' once more"),
        (
            "train/a/1.png train/b/1.png train/c/a/1.png train/c/b/1.png",
            "'c' holds the folders 'a', 'b' once",
        ),
        (
            "Train/a/1.png Train/b/1.png train/a/1.png Test/a/2.png",
            "'Train', 'train' all look like the train",
        ),
        ("data/train/a/1.png data2/train/a/2.png", "'data', 'data2' hold the same folders"),
        ("img_001/images/1.png img_002/images/2.png", "'img_001', 'img_002' hold the same folders"),
        ("a/train/1.png a/test/2.png b/3.png", "splits within classes, such as 'a/test', but 'b/3.png' lies"),
        ("a/1.png a/test/2.png b/3.png b/test/1.png", "such as 'a/test', but 'a/1.png' lies in none"),
        ("train/a/1.png train/b/1.png more/a/2.png more/b/2.png", "'more', 'train' hold the same folders"),
        (
            "Train/a/1.png Train/b/1.png raw/x/2.png raw/y/2.png more/3.png",
            "'Train' looks like the training images, but 'raw' holds folders, too: move these elsewhere, or",
        ),
        ("fold1/a/1.png fold1/b/1.png fold2/a/2.png fold2/b/2.png", "'fold1', 'fold2' hold the same folders"),
        (
            "train_a/x/1.png train_a/y/1.png train_b/x/1.png train_b/y/1.png test_a/x/1.png test_a/y/1.png",
            "'train_a', 'train_b' all look like the train images; keep one of them",
        ),
    ],
)
def test_what_looks_like_splits_or_masks_and_is_not_understood_is_refused_with_the_remedy(images, said):
    with pytest.raises(DatasetError) as caught:
        layout_of(images)
    assert said in str(caught.value)
    assert "images are read from train/CLASS/*, and test/CLASS/*" in str(caught.value)


@pytest.mark.parametrize(
    "classes",
    [
        "train_station test_track",
        "mask no_mask",
        "with_mask without_mask",
        "face face_mask",
        "bus train",
        "0 1",
    ],
)
def test_classes_that_sound_like_splits_or_masks_stay_classes(classes):
    first, second = sorted(classes.split())
    assert layout_of(f"{first}/1.png {second}/1.png")[0] == (first, second)


@pytest.mark.parametrize("fold", ["fold_{}", "fold{}", "split{}", "Part {}", "cv_{}"])
def test_folds_are_refused_with_what_is_read(fold):
    images = [tuple(f"{fold.format(i)}/{name}/1.png".split("/")) for i in range(5) for name in ("cat", "dog")]
    with pytest.raises(DatasetError, match=r"hold the same folders, as parts of one .* train/CLASS/\*"):
        find_layout(images, [], "source")
    inner = [(parts[0], "train", *parts[1:]) for parts in images]
    with pytest.raises(DatasetError, match=r"train/CLASS/\*"):
        find_layout([*inner, *[(parts[0], "val", *parts[1:]) for parts in images]], [], "source")


@pytest.mark.parametrize(
    ("images", "empty", "said"),
    [
        (
            "train/images/1.png valid/images/2.png",
            "train/labels valid/labels",
            "'labels' looks like masks or",
        ),
        (
            "JPEGImages/1.png",
            "Annotations ImageSets",
            "'Annotations' looks like masks or labels beside images",
        ),
    ],
)
def test_folders_of_labels_without_images_are_named_as_that(images, empty, said):
    with pytest.raises(DatasetError) as caught:
        layout_of(images, empty)
    assert said in str(caught.value)


def test_classes_that_are_all_divided_by_classes_stay_classes():
    images = " ".join(f"{real}/{seen}/1.png" for real in "abc" for seen in "abc")
    assert layout_of(images)[0] == ("a", "b", "c")


def test_train_beside_two_or_more_divided_folders_is_a_class_and_named_in_a_note():
    names, _, _, notes = layout_of(
        "bus/red/1.png bus/blue/1.png car/a/1.png car/b/1.png train/steam/1.png train/diesel/1.png"
    )
    assert names == ("bus", "car", "train")
    assert notes == (
        "'train' is a class beside 'bus', 'car', which hold folders, too; if it holds the training images, "
        "move the others elsewhere",
    )


def test_classes_that_hold_the_same_folders_are_told():
    names, *_, notes = layout_of(" ".join(f"{site}/{name}/1.png" for site in "AB" for name in ("cat", "dog")))
    assert names == ("A", "B")
    assert notes == ("the classes are 'A', 'B', not the folders 'cat', 'dog' that each of them holds",)
    assert layout_of("A/x/1.png A/y/1.png B/x/1.png B/z/1.png")[3] == ()


@pytest.mark.parametrize(("middle", "told"), [("images", True), ("data/img", True), ("bus", False)])
def test_the_same_folders_are_told_below_one_that_says_nothing(middle, told):
    """As in Office-31."""
    paths = [f"{site}/{middle}/{name}/1.png" for site in "AB" for name in ("cat", "dog")]
    note = "the classes are 'A', 'B', not the folders 'cat', 'dog' that each of them holds"
    assert layout_of(" ".join(paths))[3] == ((note,) if told else ())
    assert layout_of(" ".join([*paths, "A/1.png", f"A/{middle}/2.png"]))[3] == ((note,) if told else ())
    assert layout_of(" ".join([*paths, "B/other/1.png"]))[3] == ()


@pytest.mark.parametrize(
    ("images", "twins"),
    [
        ("Cat/1.png cat/1.png dog/1.png", "'Cat' and 'cat'"),
        ("train/Cat/1.png train/cat/1.png train/CAT/1.png test/cat/1.png", "'CAT' and 'Cat' and 'cat'"),
        ("A/1.png B/1.png C/1.png a/1.png b/1.png", "'A' and 'a'"),
        ("caf\u00e9/1.png cafe\u0301/1.png", "'cafe\u0301' and 'caf\u00e9'"),  # as macOS writes it
    ],
)
def test_classes_that_differ_in_capitals_alone_are_classes_and_named_in_a_note(images, twins):
    names, _, _, notes = layout_of(images)
    assert len(names) == len({path.split("/")[-2] for path in images.split()})
    assert notes == (
        f"{twins} are different classes; if they are meant to be one, put their images into one folder",
    )
