"""`metaqnn predict` as a user runs it: a search of photos, its export, and other photos."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from metaqnn.cli import main
from metaqnn.export.formats import load_source
from metaqnn.session.run_folder import RunFolder
from trainers import load_dataset


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """300 digits as image files, to train on, and 20 others."""
    folder, digits = tmp_path_factory.mktemp("data") / "photos", load_digits()
    for number, (image, label) in enumerate(zip(digits.images[:320], digits.target[:320], strict=True)):
        place = folder / ("train" if number < 300 else "test") / f"digit-{label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15.9).astype(np.uint8)).save(place / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    """A search of two networks on them."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "trained")
    search = ["--schedule", "1.0:2", "--epochs", "2", "--validation-size", "60", "--preset", "first-run"]
    here = ["--device", "cpu", "--threads", "1", "--keep-weights", "1", "--layer-limit", "2", "--quiet"]
    run = ["run", "--dataset", str(photos), "--run-dir", str(folder.path), *search, *here]
    assert main([*run, "--no-early-stopping"]) == 0
    return folder


@pytest.fixture(scope="module")
def export(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "best"
    assert main(["export", str(trained.path), "--to", str(folder), "--formats", "torch"]) == 0
    return folder


def predict(*arguments):
    return main(["predict", *map(str, arguments)])


@pytest.fixture(scope="module")
def expected(photos, export):
    """Of each test image its probabilities: the data set as a training loads it, through `model.py`."""
    dataset = load_dataset(str(photos))
    images = torch.from_numpy(dataset.test_images).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        return dataset, load_source(export).load()(images).softmax(1).numpy()


@pytest.mark.parametrize("source", ["search", "export"])
def test_the_classes_of_a_folder_as_json(trained, export, photos, expected, capsys, source):
    run = trained.path if source == "search" else export
    assert predict(run, photos / "test", "-k", 10, "--format", "json") == 0
    captured = capsys.readouterr()
    found, (dataset, probabilities) = json.loads(captured.out), expected
    assert [image["file"] for image in found["images"]] == sorted(map(str, photos.glob("test/*/*.png")))
    for image, row in zip(found["images"], probabilities, strict=True):
        shares = {one["class"]: one["probability"] for one in image["classes"]}
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        np.testing.assert_allclose([shares[name] for name in dataset.class_names], row, atol=1e-5)
    assert found["notes"] == []
    facts = json.loads((export / "model.json").read_text())
    assert captured.err.endswith(f": {facts['architecture']}\n")
    assert found["architecture"] == facts["architecture"]


def test_a_table_and_csv_name_the_likeliest_classes(export, photos, expected, capsys):
    dataset, probabilities = expected
    first, best = sorted(photos.glob("test/*/*.png"))[0], (-probabilities[0]).argsort()
    assert predict(export, first, "-k", 2) == 0
    [line] = capsys.readouterr().out.splitlines()[2:]
    names = [dataset.class_names[index] for index in best]
    shares = [f"{100 * probabilities[0][index]:.2f}%" for index in best]
    assert line.split() == [str(first), names[0], shares[0], names[1], shares[1]]
    assert predict(export, first, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["rank"], row["class"]) for row in rows] == [(str(i + 1), names[i]) for i in range(3)]


def test_files_that_are_no_images_are_counted(export, photos, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    colour = Image.open(next(photos.glob("test/*/*.png"))).convert("RGB")
    colour.save(tmp_path / "colour.png")
    assert predict(export, tmp_path, "--format", "json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert [image["file"] for image in found["images"]] == [str(tmp_path / "colour.png")]
    assert [f"note: {note}" for note in found["notes"]] == captured.err.splitlines()[1:]
    assert sum("1 file left out" in note for note in found["notes"]) == 2
    assert sum("in colour, made grey" in note for note in found["notes"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{export}", "nowhere.png"], "there is no file or folder 'nowhere.png'"),
        (["{export}", "{empty}"], "no image could be read: there is none in the files and folders given"),
        (["{export}", "{broken}"], "is broken: no image of a known format"),
        (
            ["{empty}", "{broken}"],
            "holds neither a search nor an export: there is no search.db and no",
        ),
        (["tuning", "{broken}"], "'tuning' holds a tuning, not a search: its results are in curves.csv and"),
        (["nowhere", "{broken}"], "there is no folder 'nowhere'"),
        (["{export}", "{broken}", "--rank", "2"], "--rank chooses among networks of a search, but"),
        (
            ["{export}", "{broken}", "--data-dir", "data"],
            "--data-dir is 'data', but an export needs no data set",
        ),
        (["{run}", "{broken}", "--network", "99"], "there is no network 99; this search has 1 to 2"),
        (["{run}", "{broken}", "--finetuned"], "has not been finetuned"),
    ],
)
def test_bad_input_is_one_line(trained, export, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "tuning").mkdir()
    (tmp_path / "tuning" / "study.json").touch()
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    places = {"export": export, "run": trained.path, "empty": "empty", "broken": "broken.jpg"}
    capsys.readouterr()
    assert predict(*(text.format(**places) for text in arguments)) == 2
    captured = capsys.readouterr()
    [line] = [line for line in captured.err.splitlines() if line.startswith("metaqnn: error: ")]
    assert said in line
    assert captured.out == ""
