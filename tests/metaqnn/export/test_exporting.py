"""An export is complete and checked, or not there at all."""

import hashlib
import json
import os
from dataclasses import replace

import pytest

from metaqnn.export import ExportError, export_network
from metaqnn.export.formats import FORMATS


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_with_everything_and_its_description(make_random, tmp_path):
    exportable, heard = make_random(), []
    facts = export_network(exportable, tmp_path / "new" / "there", ["pt2"], heard.append)
    folder = tmp_path / "new" / "there"
    assert names(folder) == ["README.md", "model.json", "model.pt2", "model.py", "model.safetensors"]
    assert names(folder.parent) == ["there"]
    assert json.loads((folder / "model.json").read_text()) == json.loads(json.dumps(facts))
    assert list(facts["files"]) == ["model.safetensors", "model.py", "model.pt2"]
    for name, about in facts["files"].items():
        assert about["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert (about["correct"], about["images"], about["part"]) == (35, 40, "validation")
        assert f"| `{name}` | `{about['sha256']}` | 87.50%, 35 of 40 validation images |" in (
            (folder / "README.md").read_text()
        )
    assert sum(heard) == (2 + 3) * 40
    assert all(os.stat(folder / name).st_mode & 0o044 == 0o044 for name in names(folder))


@pytest.mark.parametrize("broken", ["safetensors", "torch"])
def test_a_file_that_classifies_otherwise_is_refused_and_removed(make_random, tmp_path, monkeypatch, broken):
    """The weights are right here, and what is written is not."""
    made = FORMATS[broken]

    def write(folder, card, weights):
        made.write(folder, card, weights)
        if broken == "torch":
            source = (folder / "model.py").read_text()
            (folder / "model.py").write_text(source.replace("(x - self.mean) / self.std", "x * 100 - 50"))
        else:
            made.write(folder, card, {name: -tensor for name, tensor in weights.items()})

    monkeypatch.setitem(FORMATS, broken, replace(made, write=write))
    with pytest.raises(ExportError, match=r"network 7 is not exported: model\.(py|safetensors) reaches"):
        export_network(make_random(), tmp_path / "there", [])
    assert names(tmp_path) == []


def test_weights_of_another_accuracy_leave_nothing(make_random, tmp_path):
    exportable = make_random()
    wrong = replace(exportable, evidence=replace(exportable.evidence, accuracy=0.2))
    with pytest.raises(ExportError, match=r"the network in the run folder reaches 87\.50%"):
        export_network(wrong, tmp_path / "there", [])
    assert names(tmp_path) == []


def test_a_folder_that_holds_something_stays_as_it_is(make_random, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.tex").write_text("42")
    with pytest.raises(ExportError, match="already exists and is not an empty folder"):
        export_network(make_random(), tmp_path / "there", [])
    assert names(tmp_path / "there") == ["thesis.tex"]
    with pytest.raises(ExportError, match="already exists and is not an empty folder"):
        export_network(make_random(), tmp_path / "there" / "thesis.tex", [])


def test_an_empty_folder_is_filled(make_random, tmp_path):
    (tmp_path / "there").mkdir()
    export_network(make_random(), tmp_path / "there", [])
    assert "model.py" in names(tmp_path / "there")


def test_a_place_that_cannot_be_written_is_named(make_random, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"cannot write --to '.*/file/there': File exists: '.*/file'"):
        export_network(make_random(), tmp_path / "file" / "there", [])


def test_a_full_disk_leaves_nothing(make_random, small_disk, fill):
    fill(8192)
    with pytest.raises(ExportError, match=r"cannot write --to .*No space left on device"):
        export_network(make_random("[FC(512), D(1,1), SM(3)]"), small_disk / "there", [])
    assert names(small_disk) == ["filler"]
