"""A tuning begins in a folder that is its own, or not at all."""

from contextlib import ExitStack

import pytest

from metaqnn.cli import main
from metaqnn.session.run_folder import STUDY, RunFolder
from metaqnn.tune import session

OPTIONS = (
    *("[C(4,3,1), SM(10)]", "--preset", "laptop", "--epochs", "1", "--trials", "1", "--device", "cpu"),
    *("--dataset", "digits", "--image-size", "8", "--train-limit", "300", "--validation-size", "100"),
    "--quiet",
)


@pytest.mark.parametrize("still_there", [True, False])
@pytest.mark.parametrize("storage", [(), ("--storage", "sqlite:///shared.db")])
def test_a_tuning_begun_in_the_folder_while_the_images_are_loaded_stays_as_it_is(
    still_there, storage, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    folder, prepare = RunFolder(tmp_path / "run"), session.prepare_tuning

    def contents():
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with ExitStack() as other:

        def load(*arguments):
            prepared = prepare(*arguments)
            other.enter_context(folder.lock())
            (folder.path / STUDY).write_text("{}")
            if not still_there:
                other.close()
            before.update(contents())
            return prepared

        before = {}
        monkeypatch.setattr(session, "prepare_tuning", load)
        assert main(["tune", *OPTIONS, *storage, "--run-dir", str(folder.path)]) == 2
        assert contents() == before
    reason = "is in use by process" if still_there else "another process has just started a tuning in"
    assert reason in capsys.readouterr().err
