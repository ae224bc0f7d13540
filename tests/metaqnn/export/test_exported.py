"""An export read back, without running the code in it."""

import json

import numpy as np
import pytest
import torch

from metaqnn.export import ExportError, export_network
from metaqnn.export.exported import exported, is_export
from metaqnn.export.formats import load_source

ARCHITECTURES = [
    "[C(8,3,1), P(2,2), D(1,2), FC(16), D(2,2), SM(3)]",
    "[C(4,5,2), C(8,1,1), D(1,1), P(3,2), GAP(3), SM(3)]",
    "[SM(3)]",
    "[CB(8,3,1), P(2,2), VB(4,3,1), D(1,1), SM(3)]",
]


@pytest.mark.parametrize("kind", ["channels", "global-contrast"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_computes_what_model_py_does(make_random, in_unit, tmp_path, architecture, kind):
    exportable = make_random(architecture, kind=kind)
    export_network(exportable, tmp_path / "best", [])
    images = exportable.evidence.images
    with torch.no_grad():
        expected = load_source(tmp_path / "best").load()(in_unit(images)).softmax(1).numpy()
    classifier = exported(tmp_path / "best")
    found = classifier._probabilities(classifier.network.build().eval(), images)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert classifier.classes == ("cat", "dog", "owl")
    assert classifier.levels == exportable.card.levels


@pytest.fixture
def best(make_random, tmp_path):
    """An export."""
    export_network(make_random(), tmp_path / "best", [])
    return tmp_path / "best"


def test_no_code_in_the_folder_is_run(best):
    (best / "model.py").write_text("raise SystemExit('was run')")
    assert exported(best).network.input_shape == (3, 9, 9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("format", value) for value in (2, None, "1")),
        *(("architecture", value) for value in (None, "", "[SM(3)]", 3, ["[SM(3)]"])),
        *(("classes", value) for value in (None, ["cat"], ["cat", "dog"], ["cat", "dog", 3], "cat")),
        *(("input_shape", value) for value in (None, [3, 9], [3, 9, 2**40], "399", [3, 9, 9.5], [3, -9, 9])),
        *(("mean", value) for value in (None, [0.5], ["a", "b", "c"], "abc", 0.5, [1, 2, 3])),
        *(("normalisation", value) for value in ("other", None, "global-contrast")),
        *(("levels", value) for value in ([1.0], None, ["a", 1.0], [1.0, float("inf")])),
        *(("files", value) for value in (None, {}, {"model.safetensors": None})),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_description_that_is_none_is_one_line(best, name, value):
    facts = json.loads((best / "model.json").read_text())
    (best / "model.json").write_text(json.dumps({**facts, name: value}))
    with pytest.raises(ExportError) as refusal:
        exported(best)
    assert str(refusal.value).startswith(f"'{best / 'model.json'}' describes no export: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, "\x00"])
def test_another_file_of_that_name_is_refused(best, text):
    (best / "model.json").write_text(text)
    with pytest.raises(ExportError, match="describes no export: "):
        exported(best)


def test_other_weights_are_refused(best):
    (best / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(ExportError, match="is not the file that was exported: its SHA-256 differs"):
        exported(best)
    (best / "model.safetensors").unlink()
    with pytest.raises(ExportError, match=r"model\.safetensors cannot be read: No such file"):
        exported(best)


def test_what_an_export_is_known_by(best, tmp_path):
    assert is_export(best)
    assert not is_export(tmp_path)
