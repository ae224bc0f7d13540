import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves import understood


@pytest.fixture
def csv_file(tmp_path):
    def write(text: str, name: str = "curves.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_the_published_layout_with_names_labels_and_quotes(csv_file):
    text = (
        "net,training_dataset,num_params,depth,lr,acc_1,acc_2\n"
        '"[C(64,1,1), SM(10)]",cifar10,64,2,0.001,0.1,0.25\n'
        "b,cifar10,7,3,0.0004,,nan\n"
    )
    curves = LearningCurves.read(csv_file(text))
    np.testing.assert_array_equal(curves.values, [[0.1, 0.25], [np.nan, np.nan]])
    assert {name: list(v) for name, v in curves.architecture.items()} == {
        "num_params": [64, 7],
        "depth": [2, 3],
    }
    assert {name: list(v) for name, v in curves.hyperparameters.items()} == {"lr": [0.001, 0.0004]}
    assert curves.names.tolist() == ["[C(64,1,1), SM(10)]", "b"]
    assert curves.metric == "accuracy"


def test_epoch_zero_is_dropped_and_epochs_come_in_order(csv_file):
    curves = LearningCurves.read(
        csv_file(
            "acc_10,acc_0,acc_1,acc_2,acc_3,acc_4,acc_5,acc_6,acc_7,acc_8,acc_9,\n10,0,1,2,3,4,5,6,7,8,9,0\n"
        )
    )
    assert curves.values.tolist() == [list(range(1, 11))]
    assert not curves.hyperparameters


def test_perplexities_are_recognised(csv_file):
    curves = LearningCurves.read(csv_file("n_layer,base_lr,ep_0,ep_1,ep_2\n2,0.1,300,120,87.5\n"))
    assert (curves.metric, curves.direction) == ("perplexity", "minimize")
    np.testing.assert_allclose(curves.scores, [[-np.log(120), -np.log(87.5)]])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["empty"]),
        ("acc_1,acc_2\n", ["only a header"]),
        ("num_params,lr\n1,2\n", ["acc_1"]),
        ("lr,acc_0\n1,2\n", ["acc_1"]),
        ("lr,acc_1,acc_3\n1,2,3\n", ["acc_2"]),
        ("lr,acc_1,acc_2\n1,0.5,0.5\n1,0.5,high\n", ["row 2", "acc_2", "'high'"]),
        ("lr,acc_1,acc_2\n1,0.5\n", ["row 1", "2 cells"]),
        ("lr,acc_1,acc_1\n1,0.5,2\n", ["acc_1", "2 times"]),
        ("lr,acc_1,acc_2\n1,nan,\n", ["NaN everywhere"]),
        ("a,b\x1b\n1,2\n", ["2 columns (a, b\\x1b)", "a=1"]),
        ("ppl_1,ppl_2\n3,0\n", ["perplexity 0.0", "epoch 2"]),
    ],
)
def test_wrong_tables_give_one_line_with_file_and_place(csv_file, text, parts):
    path = csv_file(text)
    with pytest.raises(CurvesError) as caught:
        LearningCurves.read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_long_cell_costs_its_own_room_only(csv_file):
    rows = "".join(f"{'x' * 20_000 if i == 0 else 'x'},0.1,0.2,0.3\n" for i in range(1000))
    path = csv_file(f"base_model,lr,acc_1,acc_2\n{rows}")
    tracemalloc.start()
    try:
        assert len(LearningCurves.read(path)) == 1000
        assert tracemalloc.get_traced_memory()[1] < 5e6  # a table of numpy's strings would take 320 MB
    finally:
        tracemalloc.stop()


def test_names_take_a_limited_memory(csv_file, monkeypatch):
    path = csv_file(f"net,acc_1\n{'x' * 1000},0.1\nb,0.1\n")
    assert LearningCurves.read(path).names.tolist() == ["x" * 1000, "b"]
    monkeypatch.setattr(understood, "MAX_NAMES_BYTES", 7999)
    with pytest.raises(CurvesError, match=r"the names take 8,000 bytes, .* 1,000 characters; at most 7,999"):
        LearningCurves.read(path)


def test_files_that_are_no_tables_are_refused(tmp_path):
    binary = tmp_path / "image.csv"
    binary.write_bytes(bytes(range(256)))
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 not really")
    for path in (binary, broken, tmp_path / "absent.csv"):
        with pytest.raises(CurvesError, match=path.name):
            LearningCurves.read(path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "n", "T", "metric", "architecture", "hyperparameters"),
    [
        ("metaqnn_cifar10", 1000, 20, "accuracy", ["num_params", "depth"], ["lr"]),
        (
            "deep_resnets_tinyimagenet",
            684,
            140,
            "accuracy",
            ["num_blocks", "num_filters", "filter_size"],
            ["lr", "ss"],
        ),
        ("deep_resnets_cifar10", 486, 49, "accuracy", ["num_params"], ["lr"]),
        ("lstm_ptb", 280, 59, "perplexity", ["n_layer", "n_inputs"], ["base_lr", "ss"]),
    ],
)
def test_published_files(name, n, T, metric, architecture, hyperparameters):
    if "METAQNN_DATA_DIR" not in os.environ:
        pytest.skip("METAQNN_DATA_DIR is not set")
    curves = LearningCurves.read(Path(os.environ["METAQNN_DATA_DIR"]) / "curves" / f"{name}.csv")
    assert (len(curves), curves.T, curves.metric) == (n, T, metric)
    assert (list(curves.architecture), list(curves.hyperparameters)) == (architecture, hyperparameters)
    assert curves.completed.all()


def test_a_header_that_only_repeats_itself_is_only_a_header(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("acc_1,acc_2\nacc_1,acc_2\n")
    with pytest.raises(CurvesError, match="only a header"):
        LearningCurves.read(path)


def test_the_cut_off_last_line_of_tensorboards_json_is_told_once(tmp_path):
    rows = [{"Wall time": 1.7e9 + step, "Step": step, "Value": step / 10} for step in range(1, 6)]
    path = tmp_path / "run-a-tag-val_acc.json"
    for lines in (rows, [list(row.values()) for row in rows]):
        path.write_text("\n".join(map(json.dumps, lines))[:-2])
        curves = LearningCurves.read(path)
        assert curves.values.tolist() == [[0.1, 0.2, 0.3, 0.4]]
        assert curves.understood.count("the last line") == curves.understood.count("(cut off)") == 1
