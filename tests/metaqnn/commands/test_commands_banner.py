"""What `run` says about the data before it trains."""

import numpy as np
import pytest
from PIL import Image

from metaqnn.cli import main
from metaqnn.executors import SerialExecutor
from metaqnn.session import workers

QUICK = ["--schedule", "1.0:1", "--epochs", "1", "--image-size", "8", "--layer-limit", "2", "--quiet"]
HERE = ["--device", "cpu", "--threads", "1", "--no-early-stopping"]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of 12 and 1 training images under unusual names, and 2 test images; one file is broken."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for part, numbers in {"training_set": (12, 1), "test_set": (1, 1)}.items():
        for name, count in zip(("cat", "dog"), numbers, strict=True):
            folder = tmp_path / "photos" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    (tmp_path / "photos" / "training_set" / "cat" / "bad.jpg").write_bytes(b"bad")
    return tmp_path / "photos"


def test_classes_and_their_numbers_are_told_before_training(photos, capsys):
    assert main(["run", "--dataset", "photos", "--run-dir", "r", *QUICK, *HERE]) == 0
    said = capsys.readouterr().err.splitlines()
    assert "images      10 training, 3 validation, 2 test" in said
    assert "            cat: 9 training, 3 validation, 1 test" in said
    assert "            dog: 1 training, 0 validation, 1 test" in said
    notes = [line.removeprefix("note        ") for line in said if line.startswith("note ")]
    assert "splits by their names: 'test_set' is test, 'training_set' is train" in notes
    assert "1 of 2 classes have one training image: 'dog'" in notes
    assert "1 of 2 classes have no validation image: 'dog'" in notes
    assert any("not even a perfect network can be told from chance" in note for note in notes)
    assert any(note.startswith("1 file left out, unreadable") and "cat/bad.jpg" in note for note in notes)
    assert any("too few images for the 1000 of preset laptop (--validation-size" in note for note in notes)
    assert any(line.startswith("preset      laptop (for your own images: laptop on a CPU") for line in said)


def test_classes_of_equal_size_are_not_called_unequal_for_their_validation_images(photos, capsys):
    """Of two classes of two images, one image validates."""
    rng, paths = np.random.default_rng(0), [f"two/{name}/{i}.png" for name in "ab" for i in range(2)]
    for path in map(photos.parent.joinpath, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8)).save(path)
    assert main(["run", "--dataset", "two", "--run-dir", "r", *QUICK, *HERE]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "--metric balanced-accuracy" in line]
    assert [line.partition(":")[0] for line in told] == [
        "the classes have unequal numbers of validation images"
    ]


def test_it_goes_on_with_the_preset_that_it_has(photos, capsys):
    command = ["run", "--dataset", "photos", "--run-dir", "r", *QUICK, *HERE]
    assert main(command) == main(command) == 0
    assert capsys.readouterr().err.count("cat: 9 training, 3 validation, 1 test") == 2


def test_strict_refuses_and_writes_nothing(photos, capsys):
    assert main(["run", "--dataset", "photos", "--run-dir", "r", "--strict", *QUICK, *HERE]) == 2
    assert "image 'training_set/cat/bad.jpg' of 'photos' is broken" in capsys.readouterr().err
    assert not (photos.parent / "r").exists()


def test_classes_of_data_that_are_known_by_name_share_a_line(tmp_path, capsys):
    assert main(["run", "--dataset", "digits", "--run-dir", str(tmp_path / "r"), *QUICK, *HERE]) == 0
    said = capsys.readouterr().err.splitlines()
    assert "            110 to 116 training, 29 to 31 validation, 35 to 37 test images of each class" in said


def test_workers_per_gpu_are_said_to_mean_nothing_without_one(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(workers, "available_cores", lambda: 1)
    many = ["--workers", "auto", "--workers-per-gpu", "2"]
    assert main(["run", "--run-dir", str(tmp_path / "r"), *QUICK, *HERE, *many]) == 0
    assert (
        "note        --workers-per-gpu 2 has no effect on cpu: --threads determines"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("device", "gpus", "why"),
    [
        ("auto", False, "the Ray cluster has no GPU"),
        ("cpu", True, "--device is cpu"),
        ("auto", True, None),
    ],
)
def test_workers_per_gpu_are_said_to_mean_nothing_on_a_cluster_without_one(
    tmp_path, capsys, monkeypatch, device, gpus, why
):
    pytest.importorskip("ray")
    monkeypatch.setattr("metaqnn.executors.ray.connect", lambda address: None)
    monkeypatch.setattr("metaqnn.executors.ray.has_gpus", lambda: gpus)
    monkeypatch.setattr("metaqnn.executors.ray.ask", lambda question, resources, waiting: "float32")
    monkeypatch.setattr(workers, "_on_ray", lambda prepared: SerialExecutor(prepared.trainer))
    place = ["--executor", "ray", "--workers-per-gpu", "2", "--device", device]
    assert main(["run", "--run-dir", str(tmp_path / "r"), *QUICK, "--no-early-stopping", *place]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "--workers-per-gpu" in line]
    assert said == ([f"note        --workers-per-gpu 2 has no effect: {why}"] if why else [])


@pytest.mark.parametrize("rule", ["none", "none:", "none "])
def test_without_stops_none_are_described_and_no_epochs_were_saved(tmp_path, capsys, rule):
    place = ["--run-dir", str(tmp_path / "r"), "--device", "cpu", "--threads", "1"]
    assert main(["run", *QUICK, *place, "--stopping", rule]) == 0
    out, err = capsys.readouterr()
    assert "stopping    none: every network is trained to the end" in err
    assert "audits" not in err
    assert "1 epoch trained, none saved by early stopping\n" in out


def test_a_rule_that_waits_for_more_networks_than_there_are_has_a_note(tmp_path, capsys):
    place = ["--run-dir", str(tmp_path / "r"), "--device", "cpu", "--threads", "1"]
    assert main(["run", *QUICK, *place, "--delta", "0.9"]) == 0
    told = "nothing will be stopped: the rule waits for 15 networks, and the schedule has 1"
    assert f"note        {told}\n" in capsys.readouterr().err
