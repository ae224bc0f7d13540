"""A tuning whose study is on PostgreSQL, and whose server goes away."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from optuna.study import Study

from metaqnn.cli import main
from metaqnn.tune import TuneError
from metaqnn.tune.settings import TuneSettings
from metaqnn.tune.study import open_study
from metaqnn.tune.tuning import Tuning
from predictor import LearningCurves

OPTIONS = (
    *("[C(4,3,1), SM(10)]", "--preset", "laptop", "--epochs", "3", "--stopping", "none", "--device", "cpu"),
    *("--dataset", "digits", "--image-size", "8", "--train-limit", "300", "--validation-size", "100"),
    *("--sampler", "random", "--precision", "float32", "--trials", "2", "--quiet"),
)


def test_two_folders_that_take_a_study_at_the_same_moment_see_each_other(new_postgresql, monkeypatch):
    """Each has written before the other reads, so both are refused; the next one gets it, and keeps it."""
    settings = TuneSettings.of({"family": OPTIONS[0], "dataset": "digits", "preset": "laptop"})
    url, set_attribute, both = new_postgresql().render_as_string(), Study.set_user_attr, Barrier(2)

    def taken(owner):
        with suppress(TuneError):
            return open_study(url, "study", settings.make_family(), settings, owner=owner) is not None
        return False

    def set_user_attr(study, name, value):
        if value is False:
            both.wait(60)
        set_attribute(study, name, value)
        if value is True:
            both.wait(60)

    open_study(url, "other", settings.make_family(), settings)  # makes the tables
    with monkeypatch.context() as patch, ThreadPoolExecutor() as threads:
        patch.setattr(Study, "set_user_attr", set_user_attr)
        assert [*threads.map(taken, ("one", "other"))] == [False, False]
    assert [taken(owner) for owner in ("other", "one", "other")] == [True, False, True]


@pytest.mark.parametrize("server_is_back", [True, False])
def test_a_lost_server_is_one_line_with_the_way_to_go_on(
    server_is_back, server, new_postgresql, tmp_path, monkeypatch, capsys
):
    folder, heard = tmp_path / "run", Tuning.on_epoch

    def cut(tuning, task, report):
        if (task.number, report.epoch) == (1, 2):
            server.stop("immediate")
            if server_is_back:
                server.start()
        return heard(tuning, task, report)

    tune = ["tune", *OPTIONS, "--storage", new_postgresql().render_as_string(), "--run-dir", str(folder)]
    with monkeypatch.context() as patch:
        patch.setattr(Tuning, "on_epoch", cut)
        assert main(tune) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"error: the database of {folder} cannot be used now: " in last
    assert last.endswith(f"; once it can, resume with: metaqnn tune --resume {folder} --trials 2")
    if not server_is_back:
        server.start()
    assert main(["tune", "--resume", str(folder), "--quiet"]) == 0
    assert main(["tune", *OPTIONS, "--run-dir", str(tmp_path / "undisturbed")]) == 0
    curves = [LearningCurves.read(tmp_path / name / "curves.csv").values for name in ("run", "undisturbed")]
    assert (curves[0] == curves[1]).all()


def test_a_server_that_is_lost_before_the_first_trial_is_one_line_and_the_command_may_be_repeated(
    server, new_postgresql, tmp_path, monkeypatch, capsys
):
    def cut(*arguments, **options):
        study = open_study(*arguments, **options)
        server.stop("immediate")
        return study

    tune = ["tune", *OPTIONS, "--storage", new_postgresql().render_as_string()]
    tune += ["--run-dir", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setattr("metaqnn.tune.session.open_study", cut)
        assert main(tune) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("metaqnn: error: Optuna cannot use postgresql+psycopg://tester@127.0.0.1:")
    server.start()
    assert main(tune) == 0
