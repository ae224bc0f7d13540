import gc
import json
import sqlite3
import sys
import threading
from contextlib import closing
from datetime import datetime
from wsgiref.util import setup_testing_defaults

import pytest

from metaqnn.mirrors import MirrorError
from metaqnn.mirrors.optuna import OptunaMirror, require_unused
from predictor.extras import MissingPackageError

optuna = pytest.importorskip("optuna")
from optuna.trial import TrialState  # noqa: E402


@pytest.fixture(scope="module")
def whole_copy(finished_run, tmp_path_factory):
    """A study of the whole search, for reading only: making one takes seconds."""
    storage = f"sqlite:///{tmp_path_factory.mktemp('optuna')}/study.db"
    with closing(finished_run.reader()) as reader:
        OptunaMirror(storage, reader, "search").update(reader)
    return storage


@pytest.fixture
def study(whole_copy):
    return optuna.load_study(study_name="search", storage=whole_copy)


@pytest.fixture
def trials(study):
    """The trials by network, as Optuna reads them."""
    return {trial.user_attrs["network"]: trial for trial in study.trials}


def test_there_is_one_trial_for_each_network_in_order_of_finishing(trials, reader):
    assert list(trials) == [row.number for row in reader.ended()]


def test_states_and_values_are_honest(trials, networks):
    states = set()
    for number, network in networks.items():
        trial = trials[number]
        states.add(trial.state)
        if network["outcome"] == "completed":
            assert (trial.state, trial.value) == (TrialState.COMPLETE, network["final_accuracy"])
        elif network["outcome"] == "stopped":
            assert (trial.state, trial.value) == (TrialState.PRUNED, network["last_accuracy"])
            assert trial.user_attrs["predicted_accuracy"] == network["predicted_accuracy"]
        else:
            assert (trial.state, trial.value) == (TrialState.FAIL, None)
            assert "the device caught fire" in trial.user_attrs["message"]
        assert trial.user_attrs["outcome"] == network["outcome"]
        assert ("predicted_accuracy" in trial.user_attrs) == (network["outcome"] == "stopped")
    assert states == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}


def test_a_pruned_trial_has_the_value_that_optuna_gives_it(trials, networks):
    """Pruned by Optuna itself, with the same reports."""
    stopped = [n for n, network in networks.items() if network["outcome"] == "stopped"]
    study = optuna.create_study(direction="maximize")
    for number in stopped:
        trial = study.ask()
        for epoch, accuracy in trials[number].intermediate_values.items():
            trial.report(accuracy, epoch)
        study.tell(trial, state=TrialState.PRUNED)
    assert [trials[number].value for number in stopped] == [trial.value for trial in study.trials]


def test_the_best_trial_is_the_best_network_that_was_observed(study, reader):
    assert study.best_value == reader.top(1)[0]["final_accuracy"]


def test_intermediate_values_are_the_observed_accuracies(trials, last_epochs):
    for number, epochs in last_epochs.items():
        assert trials[number].intermediate_values == {e["epoch"]: e["accuracy"] for e in epochs}


def test_parameters_and_times_are_those_of_the_network(trials, networks):
    for number, network in networks.items():
        trial, rates = trials[number], {t["attempt"]: t["learning_rate"] for t in network["trainings"]}
        known = {name: network[name] for name in ("depth", "parameters", "macs", "epsilon")}
        rate = {"learning_rate": rates[network["attempt"]]} if rates else {}
        assert trial.params == known | rate
        assert trial.user_attrs["architecture"] == network["architecture"]
        assert trial.datetime_complete == datetime.fromtimestamp(network["finished_at"])
        assert trial.datetime_start <= trial.datetime_complete


def test_the_trials_are_of_one_search_space(study):
    """As Optuna's plots and importances need it."""
    space = optuna.search_space.intersection_search_space(study.trials)
    assert set(space) == {"depth", "parameters", "macs", "epsilon", "learning_rate"}
    importances = optuna.importance.get_param_importances(study, params=["depth", "parameters"])
    assert set(importances) == {"depth", "parameters"}


def test_a_second_update_adds_nothing(whole_copy, reader):
    assert OptunaMirror(whole_copy, reader, "search").update(reader) == 0
    assert len(optuna.load_study(study_name="search", storage=whole_copy).trials) == 24


def test_a_copy_catches_up(tmp_path, reader, after):
    storage = f"sqlite:///{tmp_path}/study.db"
    assert [OptunaMirror(storage, reader, "search").update(after(n)) for n in (3, 3, 11)] == [3, 0, 8]
    assert OptunaMirror(storage, reader, "search").update(reader) == 13
    trials = optuna.load_study(study_name="search", storage=storage).trials
    assert [trial.user_attrs["network"] for trial in trials] == [row.number for row in reader.ended()]


def test_trials_of_others_in_the_study_stay_and_do_not_count(tmp_path, reader, after):
    storage = f"sqlite:///{tmp_path}/study.db"
    mirror = OptunaMirror(storage, reader, "search")
    mirror.update(after(2))
    study = optuna.load_study(study_name="search", storage=storage)
    study.enqueue_trial({"depth": 3})
    study.add_trial(optuna.trial.create_trial(value=1.0, user_attrs={"network": ["not", "ours"]}))
    assert mirror.update(after(3)) == 1
    assert OptunaMirror(storage, reader, "search").numbers() == {row.number for row in reader.ended()[:3]}
    assert len(study.trials) == 5


def test_a_storage_that_vanishes_is_one_line(tmp_path, reader):
    mirror = OptunaMirror(f"sqlite:///{tmp_path}/study.db", reader, "search")
    (tmp_path / "study.db").write_bytes(b"")
    with pytest.raises(MirrorError, match=r"Optuna cannot use .*/study.db: no such table"):
        mirror.numbers()


def test_a_study_that_is_deleted_meanwhile_is_one_line_that_says_how_to_go_on(tmp_path, reader):
    storage = f"sqlite:///{tmp_path}/study.db"
    mirror = OptunaMirror(storage, reader, "search")
    optuna.delete_study(study_name="search", storage=storage)
    said = r"the study 'search' in .*/study.db is gone; metaqnn mirror creates it again"
    for use in (lambda: mirror.numbers(), lambda: mirror.copy(reader, 1)):
        with pytest.raises(MirrorError, match=said):
            use()
    assert OptunaMirror(storage, reader, "search").numbers() == set()


def test_a_storage_of_an_older_optuna_is_one_line_that_says_how_to_upgrade_it(tmp_path, reader):
    OptunaMirror(f"sqlite:///{tmp_path}/study.db", reader, "search")
    with closing(sqlite3.connect(tmp_path / "study.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
        connection.execute("UPDATE version_info SET library_version = '2.6.0'")
    with pytest.raises(MirrorError, match=r"Optuna cannot use .*: .* optuna storage upgrade") as said:
        OptunaMirror(f"sqlite:///{tmp_path}/study.db", reader, "search")
    assert "\n" not in str(said.value)


def test_a_storage_that_is_locked_for_some_seconds_is_waited_for(tmp_path, reader):
    """SQLite itself gives up after 5."""
    storage = f"sqlite:///{tmp_path}/study.db"
    OptunaMirror(storage, reader, "search")
    with closing(sqlite3.connect(tmp_path / "study.db", check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(6, other.rollback)
        timer.start()
        try:
            assert OptunaMirror(storage, reader, "search").numbers() == set()
        finally:
            timer.join()


def test_a_study_of_something_else_is_refused(whole_copy, reader):
    study = optuna.create_study(study_name="mine", storage=whole_copy, direction="maximize")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(MirrorError, match="the study 'mine' holds something else"):
        OptunaMirror(whole_copy, reader, "mine")
    assert len(study.trials) == 1


@pytest.mark.parametrize("directions", [["minimize"], ["minimize", "maximize"]])
def test_a_study_with_other_directions_is_refused_and_stays_as_it_is(directions, whole_copy, reader):
    """`optuna create-study` makes one that is to minimize unless told otherwise."""
    name = " and ".join(directions)
    study = optuna.create_study(study_name=name, storage=whole_copy, directions=directions)
    for use in (OptunaMirror, lambda storage, reader, name: require_unused(storage, name)):
        with pytest.raises(MirrorError) as error:
            use(whole_copy, reader, name)
        assert str(error.value) == (
            f"the study {name!r} is to {', '.join(directions)}, not maximize; give another --study"
        )
    assert (study.trials, study.user_attrs) == ([], {})


def test_a_study_of_another_search_is_refused(whole_copy, new_database):
    from metaqnn.database.queries import SearchReader

    other = SearchReader(new_database("other")[0])
    with pytest.raises(MirrorError, match="the study 'search' holds something else"):
        OptunaMirror(whole_copy, other, "search")
    other.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("secret", "the Optuna storage is not a URL; expected one such as sqlite:///study.db"),
        ("sqlite:////nowhere/study.db", "Optuna cannot use /nowhere/study.db: .*unable to open"),
        ("sqlite://", "sqlite:// keeps nothing: it is in memory; expected one such as sqlite:///study.db"),
        ("sqlite:///:memory:", "sqlite:///:memory: keeps nothing"),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_line(reader, url, message):
    with pytest.raises(MirrorError, match=message) as refused:
        OptunaMirror(url, reader, "search")
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_database_of_a_search_is_no_place_for_a_study(run_copy, reader):
    before = run_copy.database.read_bytes()
    with pytest.raises(MirrorError, match=r"search.db is the database of a search; give the study another"):
        OptunaMirror(f"sqlite:///{run_copy.database}", reader, "search")
    assert run_copy.database.read_bytes() == before


def test_a_full_disk_is_one_line_and_leaves_whole_trials(small_disk, fill, reader):
    mirror = OptunaMirror(f"sqlite:///{small_disk}/study.db", reader, "search")
    fill(70_000)
    with pytest.raises(MirrorError, match=r"Optuna cannot use .*/study.db: .*disk is full; make space$"):
        mirror.update(reader)
    (small_disk / "filler").unlink()
    there = mirror.numbers()
    assert 0 < len(there) < 24
    assert mirror.update(reader) == 24 - len(there)
    del mirror
    gc.collect()  # closes the file, so that the disk can be unmounted


def test_without_optuna_one_line_says_what_to_install(monkeypatch, reader):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'metaqnn\[optuna\]'"):
        OptunaMirror("sqlite://", reader, "search")


def test_optunas_dashboard_shows_the_trials(whole_copy, networks):
    dashboard = pytest.importorskip("optuna_dashboard")
    environment: dict = {"PATH_INFO": "/api/studies/1", "QUERY_STRING": "after=0"}
    setup_testing_defaults(environment)
    statuses = []
    answer = b"".join(dashboard.wsgi(whole_copy)(environment, lambda status, *_: statuses.append(status)))
    assert statuses == ["200 OK"]
    found = json.loads(answer)
    assert found["name"] == "search"
    states = {"completed": "Complete", "stopped": "Pruned", "crashed": "Fail"}
    shown = {
        int(next(a["value"] for a in trial["user_attrs"] if a["key"] == "network")): trial["state"]
        for trial in found["trials"]
    }
    assert shown == {number: states[network["outcome"]] for number, network in networks.items()}
