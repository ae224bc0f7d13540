"""Putting a search together: what is taken from where, and what is refused before anything is written."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version

import pytest
import torch

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from metaqnn.session.preparation import OtherImagesError, changes_since
from metaqnn.session.run_folder import RunFolder
from metaqnn.session.start import begin, check_same, prepare, reopen, resume
from metaqnn.session.workers import make_trainer
from predictor import PredictorError
from trainers import DeviceError

QUICK = {"train_limit": 60, "validation_size": 20}


@pytest.fixture
def folder(tmp_path):
    """A run folder with a search of digits that has just begun."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    begin(prepare(SearchConfig.of(**QUICK), Environment(device="cpu", threads=1)), folder)
    return folder


def test_circumstances_change_where_a_change_is_given():
    before = Environment(data_dir="/data", device="cuda", download=False)
    after = before.but(device="cpu", data_dir=None, threads=2, download=None)
    assert after == Environment(data_dir="/data", device="cpu", threads=2, download=False)


def test_an_address_without_ray_is_refused():
    with pytest.raises(
        ConfigError, match=r"^--address HEAD:6379 is .* --executor is local: add --executor ray$"
    ):
        Environment().but(address="HEAD:6379")
    on_ray = Environment(executor="ray").but(address="HEAD:6379")
    assert on_ray.but(executor="local").but(threads=2).address == "HEAD:6379"  # kept for when it is Ray again


def test_a_search_that_is_only_reopened_keeps_its_environment_and_needs_no_executor(folder):
    with closing(folder.open_search()) as database:
        unreachable = {"executor": "ray", "address": "127.0.0.1:1"}
        database.set_environment({**database.record().environment, **unreachable})
        before = database.record().environment
    database, prepared = reopen(folder, {"threads": 2})
    with closing(database):
        assert prepared.trainer.threads == prepared.environment.threads == 2
        assert database.record().environment == before


def test_the_state_space_fits_the_images():
    prepared = prepare(SearchConfig.of(**QUICK), Environment())
    assert prepared.space.input_shape == prepared.dataset.input_shape == (1, 8, 8)
    assert prepared.space.num_classes == 10
    assert len(prepared.dataset.train_images) == 60


@pytest.mark.parametrize(("limit", "expected"), [(60, 6), (None, 143)])
def test_a_tenth_of_the_training_images_validate(limit, expected):
    config = SearchConfig.of("paper", dataset="digits", train_limit=limit)
    prepared = prepare(config, Environment())
    assert prepared.config.validation_size == expected
    assert len(prepared.dataset.train_images) // 10 == expected


def test_the_recipe_is_that_of_the_configuration():
    changes = {"epochs": 3, "batch_size": 7, "learning_rate": 0.5, "attempts": 2, "mirror": True}
    changes |= {"decay_factor": 0.3, "decay_every": 2, "translate": 1}
    recipe = prepare(SearchConfig.of(**QUICK, **changes), Environment()).trainer.recipe
    assert {name: getattr(recipe, name) for name in changes} == changes


@pytest.mark.parametrize("given", [1, 2])
def test_threads_are_taken_as_given(given):
    assert prepare(SearchConfig.of(**QUICK), Environment(threads=given)).trainer.threads == given


@pytest.mark.parametrize("threads", [0, -1])
def test_a_bad_number_of_threads_is_quoted(threads):
    with pytest.raises(
        ValueError, match=f"^--threads is {threads}; it must be a whole number from 1 to 1024$"
    ):
        prepare(SearchConfig.of(**QUICK), Environment(threads=threads))


def test_small_networks_get_one_thread():
    assert prepare(SearchConfig.of(**QUICK), Environment()).trainer.threads == 1


@pytest.mark.parametrize("text", ["rank-envelop", "rank-envelope:d=1", "median:x=1"])
def test_a_rule_that_there_is_not_is_named_before_the_images_are_loaded(text):
    with pytest.raises(PredictorError, match=text.partition(":")[0]):
        prepare(SearchConfig.of(dataset="nowhere/", stopping=text), Environment())


def test_a_search_goes_on_as_it_began(folder):
    session = resume(folder, {}, {"device": None})
    assert session.config == replace(SearchConfig.of(**QUICK), own_validation=False)
    assert session.trainer.device.type == "cpu"
    assert session.prepared.training_images == 40
    assert session.search.trained == 0


@pytest.fixture
def machine(monkeypatch):
    """machine(native): from now on this machine multiplies in bfloat16 natively, or not."""

    def become(native):
        for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, probe, lambda: native, raising=False)

    return become


@pytest.fixture
def stored_precision(folder):
    """stored_precision(): the stored precision in which the search of the folder last trained."""

    def read():
        with closing(folder.open_search()) as database:
            return database.record().environment["precision"]

    return read


def test_the_precision_of_the_start_stays_on_a_machine_that_would_choose_another(machine, tmp_path):
    machine(native=False)
    folder = RunFolder(tmp_path / "run")
    folder.make()
    begin(prepare(SearchConfig.of(**QUICK), Environment(device="cpu", workers=2)), folder)
    machine(native=True)
    session = resume(folder, {}, {})
    assert session.trainer.precision == torch.float32
    worker = make_trainer(session.prepared.record, session.prepared.environment)
    assert worker.precision == torch.float32
    assert session.notes == ("trained in float32, as before; for this device bfloat16 would be chosen",)


def test_another_precision_is_told_stays_and_may_be_taken_back(folder, machine, stored_precision):
    machine(native=False)
    session = resume(folder, {}, {"precision": "float32"})
    assert session.trainer.precision_name == stored_precision() == "float32"
    session = resume(folder, {}, {"precision": "bfloat16"})
    assert "bfloat16 from now on, so far in float32 (--precision float32 keeps that)" in session.notes[0]
    session = resume(folder, {}, {})
    assert session.trainer.precision_name == stored_precision() == "bfloat16"
    assert len(session.notes) == 1
    assert resume(folder, {}, {"precision": "auto"}).trainer.precision_name == stored_precision() == "float32"
    assert resume(folder, {}, {}).notes == ()


@pytest.mark.parametrize(("native", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_search_of_which_no_precision_is_stored_takes_the_machines_and_says_so(
    folder, machine, stored_precision, native, expected
):
    with closing(folder.open_search()) as database:
        database.set_environment({**database.record().environment, "precision": "auto"})
    machine(native)
    session = resume(folder, {}, {})
    assert session.trainer.precision_name == stored_precision() == expected
    (note,) = session.notes
    assert note == f"trained in {expected} from now on; the precision used so far was not stored"


@pytest.mark.parametrize(
    ("given", "trained", "said"),
    [
        ({}, "float32", "trained in float32, as before; for this device bfloat16 would be chosen"),
        (
            {"precision": "bfloat16"},
            "bfloat16",
            "trained in bfloat16, so far in float32 (--precision float32 keeps that)",
        ),
    ],
)
@pytest.mark.parametrize("executor", ["local", "ray"])
def test_an_audit_trains_as_the_search_did_and_says_so_where_this_machine_would_not(
    folder, machine, stored_precision, executor, given, trained, said
):
    """It trains here, wherever the search did."""
    with closing(folder.open_search()) as database:
        stored = {**database.record().environment, "precision": "float32", "executor": executor}
        database.set_environment(stored)
    machine(native=True)
    database, prepared = reopen(folder, given)
    with closing(database):
        assert prepared.trainer.precision_name == prepared.environment.precision == trained
        assert [*changes_since(database.record(), prepared, goes_on=False)] == [said]
    assert stored_precision() == "float32"


def test_a_stored_precision_that_the_device_lacks_is_one_line_with_the_option(folder, monkeypatch):
    """A search begun on a CPU that goes on, or is audited, on a Mac."""
    with closing(folder.open_search()) as database:
        database.set_environment({**database.record().environment, "precision": "bfloat16"})
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    expected = "^this search was trained in bfloat16, .* on device 'mps'; give --precision float32 to go .*$"
    for go_on in (lambda changes: resume(folder, {}, changes), lambda changes: reopen(folder, changes)):
        with pytest.raises(DeviceError, match=expected):
            go_on({"device": "mps"})
    with pytest.raises(DeviceError, match="unknown precision 'half'"):
        reopen(folder, {"precision": "half"})


def test_other_versions_of_the_libraries_are_named_and_those_of_the_start_stay_stored(folder):
    before = {**resume(folder, {}, {}).prepared.record.versions, "torch": "1.13.0", "gone": "1"}
    with closing(sqlite3.connect(folder.database)) as connection, connection:
        connection.execute("UPDATE searches SET versions = ?", (json.dumps(before),))
    session = resume(folder, {}, {})
    assert session.notes == (
        f"torch is {version('torch')} here and was 1.13.0 at the start: results may differ",
    )
    with closing(folder.open_search()) as database:
        assert database.record().versions == before


def test_it_may_be_given_the_same_options_again(folder):
    resume(folder, vars(SearchConfig.of(**QUICK)), {})


def test_another_data_set_under_the_same_name_is_refused(folder):
    with closing(sqlite3.connect(folder.database)) as connection, connection:
        connection.execute("UPDATE searches SET data_fingerprint = ?", ("0" * 64,))
    with pytest.raises(
        OtherImagesError, match=r"'digits' is not the one this search began with.*000000000000$"
    ):
        resume(folder, {}, {})


STORED = SearchConfig.of("paper", dataset="cifar10", train_limit=400, validation_size=40)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "--seed is 0 there and 1 here"),
        ({"train_limit": None}, "--train-limit is 400 there and None here"),
        ({"validation_size": 50}, "--validation-size is 40 there and 50 here"),
        ({"audit": 0.5}, "--audit is 0.02 there and 0.5 here"),
        ({"stopping": "none"}, "--stopping is rank-envelope there and none here"),
    ],
)
def test_an_option_that_differs_is_named(tmp_path, changes, named):
    given = vars(replace(STORED, **changes))
    with pytest.raises(
        ConfigError, match=rf"{tmp_path}.* holds another search: {named}; to continue it: .*{tmp_path}$"
    ):
        check_same(RunFolder(tmp_path), STORED, given)


def test_the_default_validation_size_is_no_difference(tmp_path):
    check_same(RunFolder(tmp_path), STORED, vars(replace(STORED, validation_size=None)))


PUBLISHED = SearchConfig.of("laptop", dataset="cifar10", delta=0.9)


@pytest.mark.parametrize("same", [{"delta": 0.9}, {"burn_in": 40}, {"stopping": "paper", "delta": 0.9}])
def test_flags_of_the_rule_may_be_repeated(tmp_path, same):
    check_same(RunFolder(tmp_path), PUBLISHED, same)


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ("published:Delta=0.90", {"delta": 0.9}),
        ("published:Delta=0.9", {"stopping": "published:Delta=.9"}),
        ("published:nth_best=2,tolerance=0.1", {"stopping": "published:tolerance=1e-1,nth_best=2"}),
        ("rank-envelope:c=3", {"stopping": "rank-envelope: c = 3.0"}),
    ],
)
def test_rules_are_compared_by_what_they_mean(tmp_path, stored, given):
    check_same(RunFolder(tmp_path), SearchConfig.of("laptop", stopping=stored), given)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"delta": 0.95}, "--delta 0.95 contradicts --stopping published:Delta=0.9"),
        ({"stopping": "none"}, "--stopping is published:Delta=0.9,.* there and none here"),
        ({"stopping": "paper", "delta": 0.95}, "--stopping is .*Delta=0.9,.* there and .*Delta=0.95,.* here"),
    ],
)
def test_another_rule_is_refused(tmp_path, given, named):
    with pytest.raises(ConfigError, match=named):
        check_same(RunFolder(tmp_path), PUBLISHED, given)


@pytest.mark.parametrize(
    ("stored", "given", "flag"),
    [
        (STORED, {"burn_in": 20}, "--burn-in 20"),
        (STORED, {"delta": 0.9}, "--delta 0.9"),
        (PUBLISHED, {"delta": 0.95}, "--delta 0.95"),
    ],
)
def test_a_flag_is_compared_with_the_rule_of_the_search_not_with_one_that_nobody_gave(
    tmp_path, stored, given, flag
):
    with pytest.raises(ConfigError) as error:
        check_same(RunFolder(tmp_path), stored, given)
    assert str(error.value) == (
        f"run folder '{tmp_path}' holds another search: {flag} contradicts --stopping {stored.stopping}, "
        "which it was started with"
    )


def test_only_what_was_given_is_compared(tmp_path):
    check_same(RunFolder(tmp_path), STORED, {"dataset": "cifar10"})
