"""`metaqnn train` as a user runs it, and the export of what it has trained."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import closing
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from metaqnn.cli import main
from metaqnn.commands import train
from metaqnn.export.formats import load_source
from metaqnn.search.randomness import Purpose, derived_seed
from predictor import LearningCurves
from trainers import load_dataset, split_validation
from trainers.normalisation import Normalisation
from trainers.weights import TrainedNetwork

NETWORK = "[C(8,3,1), P(2,2), SM(10)]"
NORMALISED = "[CB(8,3,1), P(2,2), SM(10)]"
SMALL = (
    *("--dataset", "digits", "--train-limit", "500", "--validation-size", "100", "--batch-size", "16"),
    *("--learning-rate", "0.003", "--device", "cpu", "--precision", "float32", "--threads", "1", "--quiet"),
)
DEADLINE = 120


@pytest.fixture
def trained(tmp_path, capsys):
    """A run folder with a trained network, and what was printed as JSON."""
    folder = tmp_path / "run"
    assert (
        main(["train", NETWORK, *SMALL, "--epochs", "4", "--run-dir", str(folder), "--format", "json"]) == 0
    )
    return folder, json.loads(capsys.readouterr().out)


def test_the_test_error_is_that_of_the_kept_weights_and_stands_beside_that_of_a_guess(trained):
    folder, printed = trained
    seed = derived_seed(0, Purpose.DATA)
    digits = load_dataset("digits", limit=500, seed=seed)
    training, validation = split_validation(digits.train_labels, 100, seed)
    normalisation = Normalisation.of(digits.train_images[training])
    pixels = (digits.test_images - np.array(normalisation.mean)) / np.array(normalisation.std)
    module = TrainedNetwork.read(folder / "network.pt").build().eval()
    with torch.inference_mode():
        found = module(torch.from_numpy(pixels.transpose(0, 3, 1, 2)).float()).argmax(1).numpy()
    errors = int((found != digits.test_labels).sum())
    assert abs(printed["test_errors"] - errors) <= 1  # an exact tie may fall to either side
    assert printed["test_error"] == printed["test_errors"] / len(digits.test_labels)
    low, high = printed["test_error_low"], printed["test_error_high"]
    assert 0 <= low < printed["test_error"] < high <= 1
    assert printed["guess"] == np.bincount(digits.train_labels[validation]).max() / 100
    share = np.bincount(digits.test_labels).max() / len(digits.test_labels)
    assert printed["test_error_of_guess"] == pytest.approx(1 - share)


def test_balanced_accuracy_is_called_so(tmp_path, capsys):
    options = (*SMALL, "--epochs", "1", "--metric", "balanced-accuracy", "--run-dir", str(tmp_path / "run"))
    assert main(["train", NETWORK, *options]) == 0
    names = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert names[2] == "balanced accuracy"
    assert json.loads((tmp_path / "run" / "result.json").read_text())["metric"] == "balanced-accuracy"


def test_a_network_that_is_no_better_than_guessing_is_told_so(tmp_path):
    result = {
        **{"architecture": NETWORK, "outcome": "completed", "message": "", "validation_accuracies": [0.95]},
        **{"validation_images": 100, "guess": 0.95, "guess_limit": 0.98},
        **{"test_errors": 5, "test_images": 100, "test_error_of_guess": 0.06},
    }
    namespace = Namespace(format="table", architecture=NETWORK)
    text = " ".join(train._text(result, namespace, tmp_path).split())
    assert "always guessing the commonest class: 95.00%: the network is NOT clearly better than that" in text
    assert "6.00% by always guessing the commonest class" in text
    assert "NOT" not in train._text({**result, "validation_accuracies": [0.99]}, namespace, tmp_path)


@pytest.mark.parametrize(
    ("outcome", "why"),
    [("completed", "the data set has no test images"), ("chance", "not measured, as the training failed")],
)
def test_why_there_is_no_test_error_is_told(tmp_path, outcome, why):
    curve = {"validation_accuracies": [0.1], "validation_images": 100}
    result = {"architecture": NETWORK, "outcome": outcome, "message": "", **curve, "test_errors": None}
    text = train._text(result, Namespace(format="table", architecture=NETWORK), tmp_path)
    assert why in text


def test_the_curve_is_written_as_predictor_reads_it(trained):
    folder, printed = trained
    curves = LearningCurves.read(folder / "curve.csv")
    assert curves.values.tolist() == [printed["validation_accuracies"]]
    assert curves.hyperparameters["lr"].tolist() == [0.003]


def test_the_curve_is_read_whatever_the_data_set_is_called(tmp_path):
    images, labels = np.random.default_rng(0).integers(0, 255, (48, 8, 8), dtype=np.uint8), np.arange(48) % 4
    path = tmp_path / 'a,"b".npz'
    np.savez(path, x_train=images, y_train=labels)
    options = ("--dataset", str(path), "--validation-size", "16", "--epochs", "2", "--device", "cpu")
    run = ("--quiet", "--run-dir", str(tmp_path / "run"))
    assert main(["train", "[C(4,3,1), SM(4)]", *options, *run]) == 0
    curves = LearningCurves.read(tmp_path / "run" / "curve.csv")
    assert curves.values.shape == (1, 2)


def test_a_trained_network_can_be_exported(trained, tmp_path, capsys):
    folder, printed = trained
    target = tmp_path / "export"
    assert main(["export", str(folder), "--to", str(target), "--formats", "torch", "--format", "json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["validation_accuracy"] == printed["validation_accuracies"][-1]
    assert card["test_accuracy"] == pytest.approx(1 - printed["test_error"])
    readme = (target / "README.md").read_text()
    assert "trained on the data set" in readme
    assert "It was trained in `run` with seed 0, with" in readme


def test_an_export_opens_image_files_as_the_training_did(tmp_path, capsys):
    """Grey of 12 bits, whose scale is the data set's own."""
    rng = np.random.default_rng(0)
    for part, name, i in product(("train", "test"), ("cat", "dog"), range(12)):
        (tmp_path / "data" / part / name).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 4096 if name == "cat" else 2048, (8, 8), dtype=np.uint16)
        Image.fromarray(pixels).save(tmp_path / "data" / part / name / f"{i}.png")
    options = ("--dataset", str(tmp_path / "data"), "--validation-size", "4", "--epochs", "2", "--quiet")
    place = ("--device", "cpu", "--threads", "1", "--run-dir", str(tmp_path / "run"))
    assert main(["train", "[C(4,3,1), SM(2)]", *options, *place]) == 0
    assert main(["export", str(tmp_path / "run"), "--to", str(tmp_path / "out"), "--formats", "torch"]) == 0
    opened = load_source(tmp_path / "out").read_image(tmp_path / "data" / "train" / "cat" / "0.png")
    known = load_dataset(str(tmp_path / "data"), tell=False).train_images[0]
    assert np.array_equal((opened[0].permute(1, 2, 0) * 255).round().byte().numpy(), known)


def test_a_folders_own_val_validates_and_the_export_is_checked_by_it(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for (part, count), name in product({"train": 10, "val": 3, "test": 2}.items(), ("cat", "dog")):
        (tmp_path / "data" / part / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256 if name == "cat" else 99, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / part / name / f"{i}.png")
    options = ("--dataset", str(tmp_path / "data"), "--epochs", "2", "--quiet", "--format", "json")
    place = ("--device", "cpu", "--threads", "1", "--run-dir", str(tmp_path / "run"))
    assert main(["train", "[C(4,3,1), SM(2)]", *options, *place]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["validation_images"], printed["test_images"]) == (6, 4)
    target = tmp_path / "export"
    assert main(["export", str(tmp_path / "run"), "--to", str(target), "--formats", "torch"]) == 0
    assert json.loads((target / "model.json").read_text())["validation_images"] == 6


def test_the_same_command_again_prints_the_same_and_another_is_refused(trained, refused, capsys):
    folder, printed = trained
    options = (*SMALL, "--epochs", "4", "--run-dir", str(folder))
    assert main(["train", NETWORK, *options, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == printed
    line = refused("train", NETWORK, *options, "--learning-rate", "0.01")
    assert line.endswith("holds another training; give another --run-dir")
    line = refused("train", "[SM(10)]", *options)  # as another rank 1, after the search has gone on
    assert line.endswith(
        f"holds another training of {NETWORK}; name it, or its --rank, or give another --run-dir"
    )


@pytest.mark.parametrize("content", ["{}", '{"settings": []}', '{"settings": {"family": "lstm"}}'])
def test_a_file_that_says_nothing_of_this_training_holds_another(tmp_path, refused, content):
    (tmp_path / "train.json").write_text(content)
    assert "holds another training" in refused("train", NETWORK, *SMALL, "--run-dir", tmp_path)


def test_a_training_does_not_go_on_with_other_images(tmp_path, refused):
    images = {"x_train": np.eye(40, 64, dtype=np.uint8).reshape(40, 8, 8), "y_train": np.arange(40) % 2}
    np.savez(tmp_path / "mine.npz", **images)
    command = ["train", "[SM(2)]", "--dataset", str(tmp_path / "mine.npz"), "--validation-size", "10"]
    command += ["--epochs", "1", "--device", "cpu", "--threads", "1", "--run-dir", str(tmp_path / "run")]
    assert main([*command, "--quiet"]) in (0, 1)
    np.savez(tmp_path / "mine.npz", **images | {"x_train": images["x_train"][::-1]})
    assert "mine.npz' is not the one that the training in" in refused(*command)


def test_a_training_that_failed_ends_with_code_1_and_says_why(trained, capsys):
    folder, printed = trained
    (folder / "result.json").write_text(json.dumps({**printed, "outcome": "diverged", "message": "loss nan"}))
    assert main(["train", NETWORK, *SMALL, "--epochs", "4", "--run-dir", str(folder)]) == 1
    assert "diverged: loss nan" in capsys.readouterr().out


def test_the_precision_stays_on_a_machine_that_would_choose_another(tmp_path, monkeypatch, capsys):
    def interrupt(training, heard):
        raise KeyboardInterrupt

    def precision():
        return json.loads((tmp_path / "train.json").read_text())["environment"]["precision"]

    options = ("--dataset", "digits", "--train-limit", "300", "--epochs", "1", "--device", "cpu", "--quiet")
    command = ["train", NETWORK, *options, "--run-dir", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr("trainers.device._native_bfloat16", lambda device: True)
        patch.setattr("metaqnn.tune.single.SingleTraining.run", interrupt)
        assert main(command) == 130
    assert precision() == "bfloat16"
    monkeypatch.setattr("trainers.device._native_bfloat16", lambda device: False)
    assert main(command) == 0
    assert "trained in bfloat16, as before; for this device float32 would be" in capsys.readouterr().err
    assert main([*command, "--precision", "float32"]) == 0  # it has ended
    assert precision() == "bfloat16"


@pytest.mark.parametrize("environment", [[], {"precision": 3}, {"workers": "x"}])
def test_a_damaged_environment_is_refused_with_its_file_and_the_remedy(tmp_path, refused, environment):
    (tmp_path / "train.json").write_text(json.dumps({"environment": environment}))
    said = refused("train", NETWORK, *SMALL, "--epochs", "1", "--run-dir", str(tmp_path))
    assert re.search(rf"'{tmp_path}/train\.json' is damaged: .*; give another --run-dir$", said.strip())


def test_after_kill_9_the_same_command_goes_on(tmp_path, capsys):
    options = (NETWORK, *SMALL, "--epochs", "30", "--format", "json", "--run-dir")
    command = [sys.executable, "-m", "metaqnn", "train", *options, str(tmp_path / "cut")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + DEADLINE
    while not (tmp_path / "cut" / "training.pt").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    results = []
    for name in ("cut", "whole"):
        assert main(["train", *options, str(tmp_path / name)]) == 0
        results.append(json.loads(capsys.readouterr().out))
    for facts in ("validation_accuracies", "test_errors", "outcome"):
        assert results[0][facts] == results[1][facts]


def test_what_a_tuning_found_best_is_trained(tmp_path, capsys):
    best = {
        "family": NETWORK,
        "epochs": 9,
        "parameters": {"lr": 0.002, "lr_decay": 0.5, "batch_size": 32, "weight_decay": 1e-4, "batch_norm": 1},
    }
    (tmp_path / "best.json").write_text(json.dumps(best))
    small = [word for word in SMALL if word not in ("--batch-size", "16", "--learning-rate", "0.003")]
    options = (
        "--epochs",
        "1",
        "--parameters",
        str(tmp_path / "best.json"),
        "--run-dir",
        str(tmp_path / "run"),
    )
    assert main(["train", NETWORK, *small, *options]) == 0
    printed = capsys.readouterr()
    assert "test error" in printed.out
    assert "another network" not in printed.err
    claimed = json.loads((tmp_path / "run" / "train.json").read_text())
    assert claimed["parameters"] == {**best["parameters"], "dropout": 0.5}
    assert (
        main(["export", str(tmp_path / "run"), "--to", str(tmp_path / "export"), "--formats", "torch"]) == 0
    )
    assert json.loads((tmp_path / "export" / "model.json").read_text())["architecture"] == NORMALISED


def test_the_best_network_of_a_search_is_trained_by_the_recipe_of_the_search(run_copy, tmp_path):
    options = ("--epochs", "1", "--train-limit", "300", "--device", "cpu", "--quiet")
    assert main(["train", str(run_copy.path), *options, "--run-dir", str(tmp_path / "run")]) == 0
    claimed = json.loads((tmp_path / "run" / "train.json").read_text())
    with closing(run_copy.reader()) as reader:
        config, best = reader.record().config, reader.top(1)[0]
    assert claimed["settings"]["family"] == best["architecture"]
    assert claimed["parameters"]["lr"] == config.learning_rate != 1e-3
    assert claimed["parameters"]["batch_size"] == config.batch_size != 128


def test_the_rate_of_a_later_attempt_is_told(run_copy, tmp_path, capsys):
    with closing(run_copy.reader()) as reader:
        rank = next(rank for rank, row in enumerate(reader.top(None), 1) if row["attempt"] == 2)
    options = ("--rank", str(rank), "--epochs", "1", "--train-limit", "300", "--device", "cpu", "--quiet")
    for rate, told in (((), 1), (("--learning-rate", "0.003"), 0)):
        folder = str(tmp_path / f"run{told}")
        assert main(["train", str(run_copy.path), *options, *rate, "--run-dir", folder]) == 0
        said = capsys.readouterr().err
        assert said.count("note: the rate is 0.0012, at which the search trained the network") == told
        shown = "training    1 epoch, rate 0.0012, times 0.2 after each epoch, batches of 16"
        assert said.count(shown) == told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet", "--dataset", "digits"), "'resnet' is a family, not a network"),
        ((NETWORK,), "--dataset is missing"),
        (("", "--dataset", "digits"), "'' is not a family; expected"),
        (("[C(8,3)]", "--dataset", "digits"), "C(8,3)"),
        ((NETWORK, *SMALL, "--parameters", "nowhere.json"), "'nowhere.json' cannot be read"),
        (("published:cifar10-9", "--dataset", "digits"), "no published network 'cifar10-9'"),
        (("[P(9,9), SM(10)]", *SMALL), "P(9,9)"),
        (
            ("[C(8,3,1), SM(4)]", *SMALL),
            "'[C(8,3,1), SM(4)]' is for 4 classes, but the images have 10: write 10 instead of 4 at its end",
        ),
        (("[C(8,3,1), GAP(5), SM(5)]", *SMALL), "is for 5 classes, but the images have 10"),
    ],
)
def test_bad_input_is_one_line(arguments, message, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused("train", *arguments)
    assert not list(tmp_path.iterdir())


def test_parameters_of_something_else_are_refused(tmp_path, refused):
    (tmp_path / "best.json").write_text('{"parameters": {"num_blocks": 3}}')
    line = refused("train", NETWORK, *SMALL, "--parameters", tmp_path / "best.json")
    assert "holds no hyper-parameters of a network" in line


def test_parameters_of_another_network_are_told(tmp_path, capsys):
    best = {"family": "[C(8,5,1), SM(10)]", "epochs": 9, "parameters": {"lr": 0.002}}
    (tmp_path / "best.json").write_text(json.dumps(best))
    found = ("--parameters", str(tmp_path / "best.json"), "--dataset", "nowhere")
    assert main(["train", NETWORK, *found]) == 2
    note, _ = capsys.readouterr().err.splitlines()
    assert note.endswith("best.json' were tuned for another network, [C(8,5,1), SM(10)]")


@pytest.mark.parametrize("option", ["--epochs", "--batch-size", "--learning-rate", "--dropout"])
@pytest.mark.parametrize("value", ["-1", "9" * 20, "nan"])
def test_a_number_beyond_reason_is_refused(option, value, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["train", NETWORK, *SMALL, option, value])
    assert exit_.value.code == 2
    assert f"argument {option}: '{value}' is not a " in capsys.readouterr().err


def test_a_folder_of_a_search_or_a_tuning_is_left_alone(run_copy, refused, tmp_path):
    options = (*SMALL, "--epochs", "4")
    before = sorted(run_copy.path.iterdir())
    said = refused("train", NETWORK, *options, "--run-dir", str(run_copy.path))
    assert "holds a search; give another --run-dir" in said
    assert {file.name for file in run_copy.path.iterdir()} <= {*(file.name for file in before), "search.lock"}
    (tmp_path / "study.json").touch()
    assert "holds a tuning" in refused("train", NETWORK, *options, "--run-dir", str(tmp_path))


@pytest.mark.parametrize(
    ("network", "option", "said"),
    [
        (NETWORK, ("--dropout", "0.3"), f"--dropout is 0.3, but {NETWORK} has no dropout layer"),
        (
            NORMALISED,
            ("--no-batch-norm",),
            f"--no-batch-norm is given, but {NORMALISED} has batch normalisation",
        ),
    ],
)
def test_a_hyper_parameter_that_the_network_has_no_place_for_is_refused(
    refused, tmp_path, monkeypatch, network, option, said
):
    monkeypatch.chdir(tmp_path)
    assert said in refused("train", network, *SMALL, *option)
    assert not list(tmp_path.iterdir())


def test_a_preset_is_refused_where_the_search_says_what_it_would(finished_run, refused):
    line = refused("train", finished_run.path, "--preset", "laptop")
    assert "--preset is laptop, but images and epochs are those of the search" in line
