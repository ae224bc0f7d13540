"""A tuning begins in a folder that is its own, or not at all, and says if that has gone."""

import json
import shutil
from contextlib import ExitStack
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState

from metaqnn.cli import main
from metaqnn.executors import SearchStopped
from metaqnn.session.run_folder import STUDY, RunFolder
from metaqnn.tune import session
from metaqnn.tune.study import open_study
from metaqnn.tune.tuning import Tuning

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


def test_of_two_folders_of_one_name_that_begin_in_one_storage_the_later_one_is_refused(
    tmp_path, monkeypatch, capsys
):
    tune, make = (
        ["tune", *OPTIONS, "--storage", f"sqlite:///{tmp_path / 'shared.db'}", "--run-dir"],
        open_study,
    )

    def overtaken(*arguments, **options):
        study = make(*arguments, **options)
        monkeypatch.setattr(session, "open_study", make)
        assert main([*tune, str(tmp_path / "b" / "run")]) == 2
        return study

    monkeypatch.setattr(session, "open_study", overtaken)
    assert main([*tune, str(tmp_path / "a" / "run")]) == 0
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert line.endswith("run' in that storage belongs to something else; give another --run-dir")
    assert not (tmp_path / "b" / "run" / STUDY).exists()
    assert main(["tune", "--resume", str(tmp_path / "a" / "run"), "--quiet"]) == 0


@pytest.mark.parametrize("moved", [True, False])
def test_a_study_that_was_taken_before_a_kill_stays_that_of_its_folder(moved, tmp_path, monkeypatch):
    tune, make = (
        ["tune", *OPTIONS, "--storage", f"sqlite:///{tmp_path / 'shared.db'}", "--run-dir"],
        open_study,
    )
    folder, new = tmp_path / "a" / "run", tmp_path / "new" / "run"

    def killed(*arguments, **options):
        make(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session, "open_study", killed)
        assert main([*tune, str(folder)]) == 130
    assert not (folder / STUDY).exists()
    assert main([*tune, str(tmp_path / "b" / "run")]) == 2
    if moved:
        shutil.move(folder, new)
    assert main([*tune, str(new if moved else folder)]) == 0


@pytest.mark.parametrize("moved", [True, False])
def test_a_folder_that_is_gone_is_one_line_and_a_moved_one_goes_on_at_its_new_place(
    moved, tmp_path, monkeypatch, capsys
):
    folder, new, heard = tmp_path / "run", tmp_path / "new", Tuning.on_epoch

    def move(tuning, task, report):
        shutil.move(folder, new)
        if not moved:
            shutil.rmtree(new)
        return heard(tuning, task, report)

    with monkeypatch.context() as patch:
        patch.setattr(Tuning, "on_epoch", move)
        assert main(["tune", *OPTIONS, "--run-dir", str(folder)]) == 2
    assert capsys.readouterr().err.endswith(
        f"error: run folder {str(folder)!r} was removed or moved under the tuning; if it was moved, "
        "resume with: metaqnn tune --resume ITS-NEW-PLACE\n"
    )
    assert not folder.exists()
    if moved:
        assert main(["tune", "--resume", str(new), "--quiet"]) == 0


def test_a_resume_goes_on_to_as_many_trials_as_were_asked_for_although_the_last_time_was_cut(
    tmp_path, monkeypatch, capsys
):
    def cut(*_):
        raise SearchStopped("no worker could start")

    folder = str(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(Tuning, "run", cut)
        assert main(["tune", *OPTIONS, "--run-dir", folder]) == 1
        assert "no worker could start" in capsys.readouterr().err
        assert main(["tune", "--resume", folder, "--trials", "2", "--quiet"]) == 1
    capsys.readouterr()
    assert main(["tune", "--resume", folder, "--quiet", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 2


def test_a_tuning_does_not_go_on_with_other_data(tmp_path, monkeypatch, capsys):
    folder, prepare = str(tmp_path / "run"), session.prepare_again
    assert main(["tune", *OPTIONS, "--run-dir", folder]) == 0

    def others(*arguments):
        prepared = prepare(*arguments)
        return replace(prepared, data=replace(prepared.data, train_labels=prepared.data.train_labels[::-1]))

    monkeypatch.setattr(session, "prepare_again", others)
    assert main(["tune", "--resume", folder, "--trials", "2", "--quiet"]) == 2
    assert "'digits' is not the one this tuning began with: its fingerprint is " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("states", "ended", "all_failed"),
    [
        ([], 0, False),
        (["FAIL", "FAIL"], 2, True),
        (["FAIL", "COMPLETE", "PRUNED"], 3, False),
        (["FAIL", "RUNNING"], 1, False),
    ],
)
def test_a_trial_in_training_has_neither_ended_nor_failed(states, ended, all_failed):
    study = optuna.create_study()
    for state in states:
        trial = study.ask()
        if state != "RUNNING":
            study.tell(trial, 0.5 if state == "COMPLETE" else None, TrialState[state])
    tuning = session.TuneSession(None, None, study, 9)
    assert (tuning.ended(), tuning.all_failed()) == (ended, all_failed)
