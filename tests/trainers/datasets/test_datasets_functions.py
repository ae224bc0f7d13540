from pathlib import Path

import numpy as np
import pytest

from trainers.datasets import DatasetError, ImageDataset
from trainers.datasets.functions import read_callable

MODULE = """
import numpy as np
from trainers.datasets import ImageDataset

x, y = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3), np.array([0, 1, 0, 1])
as_pair = lambda: (x, y)
as_four = lambda: (x, y, x[:1], y[:1])
as_pairs = lambda: ((x, y), (x[:1], y[:1]))
as_dict = lambda: {"x_train": x, "y_train": y, "x_test": x[:1], "y_test": y[:1]}
as_dataset = lambda: ImageDataset("own", x[..., None], y, x[:0, ..., None], y[:0], ("a", "b"))
three = lambda: (x, y, x)
nothing = lambda: None
number = 3
def leaves():
    import sys
    sys.exit("enough")
def shuts(): raise GeneratorExit("shut")
class Silent(Exception):
    def __str__(self): raise RuntimeError
def odd(): raise Silent
def talks():
    print("loading ...")
    return x, y
def talks_by_others():
    import os, sys
    os.write(1, b"by C\\n")
    sys.stdout.close()
    return x, y
def wanders():
    import os, sys
    os.chdir("/")
    sys.path.clear()
    return x, y
ragged = lambda: ([[[1, 2], [3]]] * 4, y)
masked = lambda: (np.ma.array(x, mask=x > 30), y)
masked_labels = lambda: {"x_train": x, "y_train": np.ma.array(y, mask=[0, 0, 0, 1])}
masked_dataset = lambda: ImageDataset(
    "m", np.ma.array(x[..., None], mask=True), y, x[:0, ..., None], y[:0], ("a", "b")
)
repeated = lambda: (np.broadcast_to(x[:1], (10**11, 3, 3)), y)
repeated_labels = lambda: (x, np.broadcast_to(np.int64(0), 10**12))
repeated_dataset = lambda: ImageDataset(
    "r", np.broadcast_to(x[0, ..., None], (10**11, 3, 3, 1)), y, x[:0, ..., None], y[:0], ("a", "b")
)
unmasked = lambda: (np.ma.array(x), y)
turned = lambda: (x[::-1], y[::-1])
class Tensor:
    def __array__(self, *args, **kwargs): raise RuntimeError("no numpy for gradients")
tensor = lambda: (Tensor(), y)
def fails():
    raise RuntimeError("no\\nluck")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module in the working directory, which is not on the import path."""
    (tmp_path / "own_images_module.py").write_text(MODULE)
    (tmp_path / "broken_images_module.py").write_text("import nothing_of_this_name")
    (tmp_path / "odd_images_module.py").write_text("import os\nos.nothing_of_this_name\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("function", ["as_pair", "as_four", "as_pairs", "as_dict", "as_dataset"])
def test_a_function_may_return_pairs_or_a_dict_or_a_data_set(function):
    import sys

    before = list(sys.path)
    dataset = read_callable(f"own_images_module:{function}")
    assert isinstance(dataset, ImageDataset)
    assert dataset.train_images.ravel().tolist() == list(range(36))
    assert len(dataset.test_images) == (0 if function in ("as_pair", "as_dataset") else 1)
    assert sys.path == before


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "no_such_module_at_all:f",
            "cannot import 'no_such_module_at_all' of 'no_such_module_at_all:f': Mod",
        ),
        ("broken_images_module:f", "No module named 'nothing_of_this_name'"),
        ("own_images_module:absent", "module 'own_images_module' has no 'absent'"),
        ("own_images_module:number", "'own_images_module:number' is a int, not a function"),
        ("own_images_module:fails", "'own_images_module:fails' failed: RuntimeError: no luck"),
        ("own_images_module:leaves", "'own_images_module:leaves' failed: SystemExit: enough"),
        ("own_images_module:shuts", "'own_images_module:shuts' failed: GeneratorExit: shut"),
        ("odd_images_module:f", "cannot import 'odd_images_module' of 'odd_images_module:f': AttributeError"),
        ("own_images_module:odd", "'own_images_module:odd' failed: Silent"),
        ("own_images_module:ragged", "'own_images_module:ragged' failed: ValueError"),
        (
            "own_images_module:tensor",
            "failed: RuntimeError: no numpy for gradients",
        ),
        ("own_images_module:masked", "'x_train' of 'own_images_module:masked': 5 values are masked; leave"),
        ("own_images_module:masked_labels", "'y_train' of 'own_images_module:masked_labels': 1 values are"),
        ("own_images_module:masked_dataset", "train images of 'm': 36 values are masked; leave the images"),
        ("own_images_module:repeated", "would take 900,000,000,000 bytes as a plain array; at most "),
        ("own_images_module:repeated_labels", "would take 8,000,000,000,000 bytes as a plain array"),
        ("own_images_module:repeated_dataset", "train images of 'r' would take 900,000,000,000 bytes as"),
        ("own_images_module:nothing", "returned NoneType; an ImageDataset, or a dict or tuple"),
        ("own_images_module:three", "returned 3 values"),
    ],
)
def test_function_errors_are_one_line(target, message):
    with pytest.raises(DatasetError) as caught:
        read_callable(target)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("target", ["unmasked", "turned"])
def test_arrays_of_other_kinds_that_hold_what_they_seem_to_are_read(target):
    dataset = read_callable(f"own_images_module:{target}")
    assert type(dataset.train_images) is np.ndarray
    assert sorted(dataset.train_images.ravel()) == list(range(36))


@pytest.mark.usefixtures("module")
def test_what_it_prints_does_not_reach_standard_output(capsys):
    read_callable("own_images_module:talks")
    assert capsys.readouterr() == ("", "loading ...\n")


@pytest.mark.usefixtures("module")
def test_nor_does_what_it_lets_others_print_and_it_closes_nothing(capfd):
    read_callable("own_images_module:talks_by_others")
    print("still there", flush=True)
    assert capfd.readouterr() == ("still there\n", "by C\n")


@pytest.mark.usefixtures("module")
def test_the_working_directory_stays_where_it_was(tmp_path, monkeypatch):
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    read_callable("own_images_module:wanders")
    assert Path.cwd() == tmp_path


@pytest.mark.usefixtures("module")
def test_a_tensor_that_needs_gradients_is_one_line(tmp_path):
    (tmp_path / "own_tensors_module.py").write_text(
        "import torch\nf = lambda: (torch.ones(4, 3, 3, requires_grad=True), torch.zeros(4))\n"
    )
    with pytest.raises(DatasetError, match=r"failed: RuntimeError: Can't call numpy\(\) on Tensor") as caught:
        read_callable("own_tensors_module:f")
    assert "\n" not in str(caught.value)
