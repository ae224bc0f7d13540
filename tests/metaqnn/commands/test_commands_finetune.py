"""`metaqnn finetune` as a user runs it."""

import csv
import io
import json
import os
import signal
import sqlite3
import time
from contextlib import closing, redirect_stdout, suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from metaqnn.cli import main
from metaqnn.database.queries import SearchReader
from metaqnn.results.long_trained import ERROR_COLUMNS
from trainers import load_dataset

SHORT = (
    *("--epochs", "6", "--batch-size", "8", "--train-limit", "200"),
    *("--device", "cpu", "--threads", "1", "--checkpoint-every", "0", "--quiet"),
)
QUICK = ("[C(16,3,1), P(2,2), SM(10)]", "[C(8,3,1), SM(10)]")
DEADLINE = 300


@pytest.fixture
def run(run_copy):
    """A run folder with a search on digits, whose best networks are quick to train."""
    with closing(SearchReader(run_copy.url)) as reader:
        best = [network["number"] for network in reader.top(len(QUICK))]
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE searches SET data_fingerprint = ?", [load_dataset("digits").fingerprint])
        connection.executemany(
            "UPDATE networks SET architecture = ? WHERE number = ?", zip(QUICK, best, strict=True)
        )
    return run_copy


@pytest.fixture
def best(run):
    """The numbers of the two best networks."""
    with closing(SearchReader(run.url)) as reader:
        return [network["number"] for network in reader.top(2)]


@pytest.fixture
def printed(capsys):
    def printed(*arguments):
        assert main(["finetune", *map(str, arguments)]) == 0
        return capsys.readouterr().out

    return printed


def test_all_formats_tell_the_same(printed, run, best):
    arguments = (run.path, "--top", 2, *SHORT)
    found = json.loads(printed(*arguments, "--format", "json"))
    assert [network["number"] for network in found["networks"]] == best
    assert {"guess", "guess_limit", "test_error_of_guess"} <= found.keys()
    assert found["recipe"]["phases"] == [[0.025, 1], [0.0125, 1], [0.0001, 3], [0.00001, 1]]
    rows = list(csv.DictReader(io.StringIO(printed(*arguments, "--format", "csv"))))
    assert [row["network"] for row in rows] == [*map(str, best), "ensemble"]
    together = [*found["networks"], found["ensemble"]]
    for row, item in zip(rows, together, strict=True):
        test = item["runs"][0]
        assert float(row["test_error"]) == test["test_errors"] / test["test_images"] == item["test_error"]
        assert [row[name] for name in ERROR_COLUMNS] == [str(test[name]) for name in ERROR_COLUMNS]
    table = printed(*arguments).splitlines()
    for line, item in zip(table[2:], together, strict=False):
        test = item["runs"][0]
        low, high = test["test_error_low"], test["test_error_high"]
        shown = f"{100 * item['test_error']:.2f}%", f"{100 * low:.2f}% to {100 * high:.2f}%"
        assert all(each in line for each in shown)
    assert "359 test images" in table[-2]
    assert "by always guessing" in table[-1]


def test_audited_networks_that_are_better_are_named_unless_networks_are_chosen(run, best, capsys):
    with closing(SearchReader(run.url)) as reader:
        audited = next(row["number"] for row in reader.audits() if not row["in_loop"])
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute(
            "UPDATE epochs SET accuracy = 1 WHERE training_id IN (SELECT trainings.id FROM "
            "trainings JOIN networks ON network_id = networks.id WHERE purpose = 'audit' AND number = ?)",
            [audited],
        )
    command = f"metaqnn finetune {run.path} --networks {audited}"
    said = f"{audited} (100.00%); to finetune the best with them: {command}\n"
    assert main(["finetune", str(run.path), "--top", "1", *SHORT]) == 0
    assert said in capsys.readouterr().err
    assert main(["finetune", str(run.path), "--networks", str(best[0]), *SHORT]) == 0
    assert "found better" not in capsys.readouterr().err


def test_results_of_another_precision_are_said_to_be_such(run, best, capsys):
    arguments = ["finetune", str(run.path), "--networks", str(best[0]), *SHORT]
    for precision, said in (("float32", False), ("bfloat16", True), ("float32", False)):
        assert main([*arguments, "--precision", precision]) == 0
        note = "note: 1 finished training used float32 and will not be repeated in bfloat16 "
        deleted = f"unless you delete network-{best[0]}-seed-0.json or the like"
        assert (f"{note}{deleted}" in capsys.readouterr().err.splitlines()) is said


@pytest.mark.parametrize("native", [True, False])
def test_new_trainings_take_the_precision_of_this_machine_and_say_if_the_search_had_another(
    run, best, capsys, monkeypatch, native
):
    here, other = ("bfloat16", "float32") if native else ("float32", "bfloat16")
    for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, probe, lambda: native, raising=False)
    arguments = ["finetune", str(run.path), "--networks", str(best[1]), *SHORT]
    note = f"note: trained in {here}, as this device suggests, but the search in {other}; --precision chooses"
    for stored, given, trained, said in (
        (other, [], here, True),
        (other, ["--precision", here], here, False),
        (other, ["--precision", other], other, False),
        (here, [], here, False),
        ("auto", [], here, False),  # as searches were stored at first
    ):
        with closing(sqlite3.connect(run.database)) as connection, connection:
            environment = json.dumps({"precision": stored})
            connection.execute("UPDATE searches SET circumstances = ?", [environment])
        assert main([*arguments, *given]) == 0
        lines = capsys.readouterr().err.splitlines()
        assert any(line.startswith("training ") and line.endswith(f"on cpu, {trained}") for line in lines)
        assert (note in lines) is said


def test_seeds_are_summarised_by_mean_and_standard_error(printed, run, best):
    arguments = (run.path, "--networks", best[1], "--seeds", 2, *SHORT)
    (network,) = json.loads(printed(*arguments, "--format", "json"))["networks"]
    rates = [each["test_error"] for each in network["runs"]]
    assert network["test_error"] == pytest.approx(np.mean(rates))
    assert network["standard_error"] == pytest.approx(np.std(rates, ddof=1) / np.sqrt(2))
    table = printed(*arguments)
    assert "standard error" in table
    assert "ensemble" not in table


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, so that no time goes into imports")
def test_killed_twice_and_repeated_it_prints_what_an_undisturbed_one_prints(printed, run):
    arguments = (run.path, "--top", 2, *SHORT, "--format", "json")
    whole = json.loads(printed(*arguments))
    (folder,) = (run.path / "finetune").iterdir()
    for file in folder.glob("network-*"):
        file.unlink()
    for _ in range(2):
        before = _checkpoints(folder)
        child = os.fork()
        if child == 0:
            with suppress(BaseException), open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
                main(["finetune", *map(str, arguments)])
            os._exit(0)
        end = time.monotonic() + DEADLINE
        while _checkpoints(folder) == before:
            assert time.monotonic() < end
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the command ended before it was killed"
    assert _checkpoints(folder)
    assert json.loads(printed(*arguments)) == whole


def _checkpoints(folder):
    """Which ones there are, and when each was written."""
    return {file.name: file.stat().st_mtime_ns for file in (folder / "checkpoints").glob("*.pt")}


def test_a_finished_command_repeats_its_answer_without_training(printed, run, monkeypatch):
    arguments = (run.path, "--top", 1, *SHORT)
    first = printed(*arguments)
    monkeypatch.setattr("trainers.finetuning.FinetuningTrainer.train", None)
    assert printed(*arguments) == first


def test_own_validation_images_are_said_not_to_be_trained_on():
    from metaqnn.commands.finetune import _images
    from trainers import ImageDataset

    images, labels = np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 0, 1])
    training = (images, labels, images, labels, ("a", "b"))
    assert _images(ImageDataset("x", *training)) == "4 images"
    assert (
        _images(ImageDataset("x", *training, images[:2], labels[:2]))
        == "4 images (not on the 2 of its own validation set)"
    )


def test_images_are_mirrored_where_the_search_did(printed, run):
    """Digits are not mirrored; a search that mirrors is followed."""
    arguments = (run.path, "--top", 1, *SHORT, "--format", "json")
    assert json.loads(printed(*arguments))["recipe"]["mirror"] is False
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute("UPDATE searches SET config = json_set(config, '$.mirror', json('true'))")
    recipe = json.loads(printed(*arguments))["recipe"]
    assert (recipe["mirror"], recipe["translate"]) == (True, 1)


def test_the_network_that_was_tuned_is_trained_as_found_best_and_exported(
    printed, run, best, tmp_path, capsys
):
    file = tmp_path / "best.json"
    found = {"lr": 0.01, "lr_decay": 0.5, "batch_size": 16, "weight_decay": 1e-4, "batch_norm": 1}
    file.write_text(json.dumps({"family": QUICK[1], "epochs": 3, "parameters": found}))
    options = ("--train-limit", 200, "--device", "cpu", "--threads", 1, "--quiet", "--format", "json")
    printed_ = json.loads(printed(run.path, "--parameters", file, *options))
    (network,) = printed_["networks"]
    assert (network["number"], network["architecture"]) == (best[1], "[CB(8,3,1), SM(10)]")
    recipe = printed_["recipe"]
    assert recipe["phases"] == [[0.01, 1], [0.005, 1], [0.0025, 1]]
    assert (recipe["optimizer"], recipe["batch_size"], recipe["weight_decay"]) == ("adam", 16, 1e-4)
    target = tmp_path / "export"
    arguments = ("--finetuned", "--network", str(best[1]), "--to", str(target), "--formats", "torch")
    assert main(["export", str(run.path), *arguments]) == 0
    recipe = Path(printed_["folder"]).name
    assert f"weights: `metaqnn finetune`, 3 epochs, recipe {recipe}, its seed 0" in capsys.readouterr().err
    card = json.loads((target / "model.json").read_text())
    assert card["architecture"] == "[CB(8,3,1), SM(10)]"
    assert card["parameters"] == network["parameters"] == 9 * 8 + 8 + 16 + 8 * 64 * 10 + 10
    assert card["test_accuracy"] == pytest.approx(1 - network["test_error"])


def test_what_was_tuned_is_for_other_networks_too_if_they_are_named(printed, refused, run, tmp_path):
    file = tmp_path / "best.json"
    best = {"family": "[C(9,3,1), SM(10)]", "epochs": 2, "parameters": {"lr": 0.01, "batch_norm": 0}}
    file.write_text(json.dumps(best))
    assert "which this search has not trained; say with --networks or --top" in refused(
        "finetune", run.path, "--parameters", file
    )
    assert "--optimizer is 'sgd', but --parameters are those of Adam" in refused(
        "finetune", run.path, "--top", 1, "--parameters", file, "--optimizer", "sgd"
    )
    options = ("--learning-rate", 0.02, *SHORT[2:], "--format", "json")
    recipe = json.loads(printed(run.path, "--top", 1, "--parameters", file, *options))["recipe"]
    assert (recipe["learning_rate"], recipe["batch_size"], recipe["epochs"]) == (0.02, 8, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--top", "0"], "argument --top: '0' is not a whole number from 1 to 1000000"),
        (["--seeds", "-1"], "argument --seeds: '-1' is not a whole number from 1 to 1000000"),
        (["--train-limit", "0"], "argument --train-limit: '0' is not"),
        (["--epochs", "5"], "epochs must be at least 6, so that each of the four phases has one, not 5"),
        (["--learning-rate", "-1"], "'-1' is not a number above 0 and at most 1000"),
        (["--optimizer", "rmsprop"], "optimizer must be sgd or adam, not 'rmsprop'"),
        (["--parameters", "nowhere.json"], "'nowhere.json' cannot be read"),
        (["--networks", "999"], "there is no network 999"),
        (["--networks", "x"], "'x' is not a whole number from 1 to 2147483647"),
        (["--translate", "8"], "--translate is 8; it must be less than the side of the images, 8 pixels"),
        (["--networks", "1", "--top", "2"], "not allowed with argument"),
        (["--device", "abacus"], "unknown device 'abacus'"),
        (["--train-limit", "3"], "limit 3 is too small"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(refused, run, arguments, said):
    assert said in refused("finetune", run.path, *arguments)
    assert not (run.path / "finetune").exists()


def test_other_images_than_those_of_the_search_are_refused(refused, run_copy):
    line = refused("finetune", run_copy.path, *SHORT)
    assert "data set 'digits' is not the one this search began with" in line


def test_a_data_set_without_test_images_is_refused(refused, run, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=images, y_train=np.arange(40) % 10)
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute("UPDATE searches SET config = json_set(config, '$.dataset', ?)", [str(path)])
        connection.execute("UPDATE searches SET data_fingerprint = ?", [load_dataset(str(path)).fingerprint])
    assert "has no test images to measure the test error on" in refused("finetune", run.path, *SHORT[:4])
    assert not (run.path / "finetune").exists()


def test_test_images_may_be_added_after_a_search_that_had_none(run, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    labels, path = np.arange(60) % 10, tmp_path / "mine.npz"
    np.savez(path, x_train=images[:40], y_train=labels[:40])
    before = load_dataset(str(path))
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute("UPDATE searches SET config = json_set(config, '$.dataset', ?)", [str(path)])
        values = [before.fingerprint, json.dumps(before.counts)]
        connection.execute("UPDATE searches SET data_fingerprint = ?, images = ?", values)
    np.savez(path, x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:])
    main(["finetune", str(run.path), "--top", "1", *SHORT[:4], "--quiet"])  # noise can hardly be learned
    captured = capsys.readouterr()
    assert "on 20 test images" in captured.out
    assert "note: its test images were added after the search, which had none" in captured.err


def test_a_folder_that_is_no_run_is_refused(refused, tmp_path):
    assert "holds no search" in refused("finetune", tmp_path)


def test_a_place_that_cannot_be_written_is_one_line(refused, run):
    (run.path / "finetune").write_text("in the way")
    assert "cannot write to" in refused("finetune", run.path, *SHORT)


def test_two_at_a_time_in_one_folder_are_refused(printed, refused, run):
    from metaqnn.session.run_folder import RunFolder

    printed(run.path, "--top", 1, *SHORT)
    with RunFolder(next((run.path / "finetune").iterdir())).lock():
        assert "is in use by process" in refused("finetune", run.path, "--top", 1, *SHORT)


def test_an_interrupted_command_says_how_to_go_on(capsys, run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("trainers.finetuning.FinetuningTrainer.train", interrupted)
    assert main(["finetune", str(run.path), *SHORT]) == 130
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("interrupted; resume with the same command\n")
