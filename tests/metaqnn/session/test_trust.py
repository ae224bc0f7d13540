"""A stored `module:function` is imported only if this user has asked for it."""

import pytest

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from metaqnn.session.run_folder import STUDY, TRAINING, RunFolder
from metaqnn.session.start import begin, prepare, resume
from metaqnn.session.trust import require_trusted, trust

MODULE = """
import pathlib
import numpy as np
(pathlib.Path(__file__).parent / "imported").touch()
def images():
    return np.arange(20 * 64, dtype=np.uint8).reshape(20, 8, 8), np.arange(20) % 2
"""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A user who has trusted nothing yet, in a folder of theirs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("mine", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "trusted_images_module.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path / "mine")


@pytest.fixture
def folder(tmp_path):
    """A run folder whose search was begun in `mine`."""
    folder = RunFolder(tmp_path / "mine" / "run")
    folder.path.mkdir()
    config = SearchConfig.of("first-run", dataset="trusted_images_module:images", validation_size=4)
    begin(prepare(config, Environment(device="cpu", threads=1)), folder).database.close()
    return folder


def test_a_search_goes_on_where_it_was_begun(folder):
    resume(folder, {}, {}).database.close()


def test_elsewhere_it_asks_and_imports_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(
        ConfigError, match=r"this search calls 'trusted_images_module:images'.*--trust-module"
    ):
        resume(folder, {}, {})
    assert not (tmp_path / "elsewhere" / "imported").exists()


def test_another_user_of_the_folder_is_asked(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state of another"))
    with pytest.raises(ConfigError, match="have not started a search with it"):
        resume(folder, {}, {})
    resume(folder, {}, {}, trust_module=True).database.close()
    resume(folder, {}, {}).database.close()  # what was trusted once is remembered


def test_nothing_is_imported_from_inside_a_run_folder(folder, tmp_path, monkeypatch):
    deep = folder.path / "below"
    deep.mkdir()
    for place in (folder.path, deep):
        monkeypatch.chdir(place)
        for trusted in (False, True):
            with pytest.raises(ConfigError, match="is not imported from inside the run folder"):
                require_trusted("trusted_images_module:images", trusted)
        with pytest.raises(ConfigError, match="is not imported from inside the run folder"):
            trust("trusted_images_module:images")


@pytest.mark.parametrize("file", [STUDY, TRAINING])
def test_nor_from_inside_a_tunings_or_a_trainings_folder(tmp_path, monkeypatch, file):
    (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="is not imported from inside the run folder"):
        require_trusted("trusted_images_module:images", trusted=True)


@pytest.mark.parametrize("dataset", ["digits", "photos/", "x.npz", "/some/where:else"])
def test_what_is_no_function_needs_no_trust(dataset, tmp_path):
    require_trusted(dataset)
    trust(dataset)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[["a"]]'])
def test_a_damaged_memory_trusts_nothing(tmp_path, content):
    trust("trusted_images_module:images")
    (file,) = (tmp_path / "state").rglob("modules.json")
    file.write_text(content)
    with pytest.raises(ConfigError, match="--trust-module"):
        require_trusted("trusted_images_module:images")


def test_what_cannot_be_remembered_is_a_line_with_its_place(folder, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    trust("trusted_images_module:images")
    place = str(tmp_path / "file" / "metaqnn" / "modules.json")
    assert caplog.messages == [
        "trusted_images_module:images is not remembered as trusted, so later commands will ask: "
        f"Not a directory: {place!r}"
    ]
