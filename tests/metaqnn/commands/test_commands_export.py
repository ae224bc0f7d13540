"""`metaqnn export` as a user runs it, on a real search of digits."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
import torch

from metaqnn.cli import main
from metaqnn.commands.export import _text
from metaqnn.export import formats
from metaqnn.session.run_folder import RunFolder
from trainers.weights import TrainedNetwork

LIGHT = ["--formats", "torch,safetensors"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def export(folder, target, *options):
    return main(["export", str(folder.path), "--to", str(target), *options])


def test_the_best_network_in_every_format(trained_run, tmp_path, capsys):
    assert export(trained_run, tmp_path / "best") == 0
    printed = capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        "README.md", "model.json", "model.onnx", "model.pt2", "model.py", "model.safetensors",
    ]  # fmt: skip
    facts = json.loads((tmp_path / "best" / "model.json").read_text())
    accuracy = f"{100 * facts['validation_accuracy']:.2f}%"
    assert sum(accuracy in line for line in printed.splitlines()) == 4
    assert f"network {facts['network']}: {facts['architecture']}" in printed
    (guess,) = (line for line in printed.splitlines() if line.startswith("always guessing"))
    assert guess.startswith("always guessing the commonest class: 1")  # of 100 digits, with a warning or not


def test_onnx_is_left_out_with_a_note_where_its_packages_are_missing(
    trained_run, tmp_path, capsys, monkeypatch
):
    there = formats.find_spec
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "onnxscript" else there(name))
    assert export(trained_run, tmp_path / "best") == 0
    assert not (tmp_path / "best" / "model.onnx").exists()
    assert (tmp_path / "best" / "model.pt2").exists()
    said = "note: no model.onnx, which needs onnxscript: pip install 'metaqnn[export]'"
    assert said in capsys.readouterr().err.splitlines()
    assert export(trained_run, tmp_path / "asked", "--formats", "onnx") == 2
    assert "the format onnx needs onnxscript: pip install" in capsys.readouterr().err


def test_json_and_csv_tell_what_was_written(trained_run, tmp_path, capsys):
    assert export(trained_run, tmp_path / "one", *LIGHT, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "one" / "model.json").read_text())
    assert export(trained_run, tmp_path / "two", *LIGHT, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["file"] for row in rows] == ["model.safetensors", "model.py"]


def test_by_number_and_by_rank_it_is_the_same(trained_run, tmp_path, capsys):
    assert main(["top", str(trained_run.path), "-k", "1", "--format", "json"]) == 0
    number = json.loads(capsys.readouterr().out)[0]["number"]
    assert export(trained_run, tmp_path / "one", "--network", str(number), *LIGHT) == 0
    assert export(trained_run, tmp_path / "two", "--rank", "1", *LIGHT) == 0
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_weights_that_were_tampered_with_are_refused_with_both_numbers(trained_run, tmp_path, capsys):
    folder = RunFolder(shutil.copytree(trained_run.path, tmp_path / "run"))
    for file in (folder.path / "weights").iterdir():
        network = TrainedNetwork.read(file)
        for tensor in network.weights.values():
            tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1)))
        network.save(file)
    capsys.readouterr()
    assert export(folder, tmp_path / "best", *LIGHT) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("metaqnn: error: network")
    assert "on the 100 validation images, but" in line
    assert not (tmp_path / "best").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rank", "0"], "'0' is not a whole number from 1 to 1000000"),
        (["--rank", "1", "--network", "1"], "not allowed with argument"),
        (["--network", "99"], "there is no network 99; this search has 1 to 5"),
        (["--formats", "onxn"], "unknown format 'onxn'; did you mean 'onnx'?"),
        (["--finetuned"], "has not been finetuned"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(trained_run, tmp_path, capsys, options, said):
    try:
        code = export(trained_run, tmp_path / "best", *options)
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("metric", "told"), [("accuracy", False), ("balanced-accuracy", True)])
def test_images_that_are_counted_alike_are_told_from_the_metric_of_the_search(metric, told):
    file = {"correct": 57, "images": 250, "part": "validation", "sha256": "0" * 64}
    facts = {"files": {"model.py": file}, "members": {}, "network": 4, "architecture": "[SM(3)]"}
    printed = _text({**facts, "metric": metric, "validation_accuracy": 0.588}, Path("best"), "table", "")
    assert ("in the search, every class did: 58.80% balanced accuracy" in printed) is told


@pytest.mark.parametrize(
    ("metric", "of"), [("accuracy", ""), ("balanced-accuracy", "in balanced accuracy, ")]
)
def test_a_guess_in_another_metric_than_that_of_the_table_names_its_metric(metric, of):
    file = {"correct": 57, "images": 250, "part": "validation", "sha256": "0" * 64}
    facts = {"files": {"model.py": file}, "members": {}, "network": 4, "architecture": "[SM(2)]"}
    guess = "always guessing the commonest class: 50.00%"
    printed = _text({**facts, "metric": metric, "validation_accuracy": 0.588}, Path("best"), "table", guess)
    assert f"{of}{guess}" in printed.splitlines()
    of_test = {**file, "part": "test"}  # where errors are counted
    tested = {**facts, "files": {"model.py": of_test}, "metric": metric, "validation_accuracy": 0.588}
    assert guess in _text(tested, Path("best"), "table", guess).splitlines()


def test_a_network_that_was_trained_alone_has_no_number_and_no_search():
    file = {"correct": 57, "images": 250, "part": "validation", "sha256": "0" * 64}
    facts = {"files": {"model.py": file}, "members": {}, "network": 0, "architecture": "[SM(3)]"}
    about = {"metric": "balanced-accuracy", "validation_accuracy": 0.588}
    printed = _text({**facts, **about}, Path("best"), "table", "")
    assert printed.startswith("network: [SM(3)]\n")
    assert "in the training, every class did: 58.80% balanced accuracy" in printed
