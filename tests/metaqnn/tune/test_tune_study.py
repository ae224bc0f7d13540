"""A tuning opens a study only if it is its own, and undamaged."""

import sqlite3
from contextlib import closing, suppress
from types import SimpleNamespace

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.pruners import HyperbandPruner
from optuna.study import Study
from sqlalchemy import event

from metaqnn.mirrors import MirrorError
from metaqnn.tune import TuneError
from metaqnn.tune.hyperband import AcceleratedHyperband, Hyperband
from metaqnn.tune.settings import TuneSettings
from metaqnn.tune.study import OWNER, SETTINGS, distribution, make_pruner, make_sampler, open_study
from predictor.integrations.optuna import StoppingRulePruner
from trainers.families import OneOf, Whole
from trainers.families.base import Real

DAMAGES = (
    "UPDATE trial_values SET value = NULL",
    "DELETE FROM trial_params WHERE param_name = 'lr'",
    "UPDATE trial_params SET param_value = 1e9 WHERE param_name = 'batch_size'",
    "UPDATE trial_params SET distribution_json = '{}'",
    "DROP TABLE trial_intermediate_values",
    "UPDATE study_user_attributes SET value_json = 'x'",
)


@pytest.fixture
def opened(settings, tmp_path):
    """opened(name, begun, owner, **settings): the study in the file that `tuning` has left."""

    def open_(name="study", *, begun=True, owner=None, **changes):
        url, chosen = f"sqlite:///{tmp_path / 'run' / 'study.db'}", settings(**changes)
        return open_study(url, name, chosen.make_family(), chosen, begun=begun, owner=owner)

    return open_


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_study_is_refused_in_one_line(damage, tuning, formula_family_trainer, opened, tmp_path):
    tuning(formula_family_trainer(), trials=2)
    assert len(opened().trials) == 2
    with closing(sqlite3.connect(tmp_path / "run" / "study.db")) as database:
        database.execute(damage)
        database.commit()
    with pytest.raises(TuneError, match=r"the study 'study' in .*study.db is damaged; put back a copy"):
        opened()


def test_a_study_that_is_gone_is_not_begun_again(tuning, formula_family_trainer, opened, tmp_path):
    tuning(formula_family_trainer(), trials=1)
    with pytest.raises(TuneError, match=r"the study 'other' is not in .*study.db any more"):
        opened("other")
    (tmp_path / "run" / "study.db").unlink()
    for _ in range(2):
        with pytest.raises(TuneError, match=r"the study 'study' is not in .*study.db any more"):
            opened()
    assert not (tmp_path / "run" / "study.db").exists()


def test_a_study_with_trials_belongs_to_the_folder_that_began_it(tuning, formula_family_trainer, opened):
    tuning(formula_family_trainer(), trials=1)
    with pytest.raises(TuneError, match="already has 1 trial, from another run folder; go on there"):
        opened(begun=False)


def test_a_study_of_somebody_else_is_refused_and_stays_as_it_is(opened, tmp_path):
    (tmp_path / "run").mkdir()
    url = f"sqlite:///{tmp_path / 'run' / 'study.db'}"
    theirs = optuna.create_study(storage=url, study_name="study", direction="maximize")
    theirs.add_trial(optuna.trial.create_trial(value=0.5))
    with pytest.raises(TuneError, match="belongs to something else; give another --run-dir"):
        opened(begun=False)
    assert theirs.user_attrs == {}


@pytest.mark.parametrize(
    ("begun", "why"),
    [
        (True, "was begun with other settings, perhaps by another version of metaqnn"),
        (False, "belongs to something else"),
    ],
)
def test_a_study_of_other_epochs_is_not_called_damaged(
    begun, why, tuning, formula_family_trainer, settings, tmp_path
):
    tuning(formula_family_trainer(), trials=1)
    other, url = settings(epochs=5), f"sqlite:///{tmp_path / 'run' / 'study.db'}"
    with pytest.raises(TuneError, match=f"{why}; give another --run-dir"):
        open_study(url, "study", other.make_family(), other, begun=begun)


def test_a_study_with_another_direction_is_refused(opened, tmp_path):
    (tmp_path / "run").mkdir()
    optuna.create_study(study_name="study", storage=f"sqlite:///{tmp_path / 'run' / 'study.db'}")
    with pytest.raises(MirrorError, match=r"is to minimize, not maximize; give another --run-dir"):
        opened(begun=False)


def test_a_study_without_trials_is_taken_over(opened, tmp_path):
    (tmp_path / "run").mkdir()
    for _ in range(2):  # a kill may come after the study is made and before the run folder records it
        assert opened(begun=False).trials == []


@pytest.fixture
def taken(opened, tmp_path):
    """taken(owner): whether that run folder gets the new study."""
    (tmp_path / "run").mkdir()

    def take(owner):
        with suppress(TuneError):
            return opened(begun=False, owner=owner) is not None
        return False

    return take


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("write", range(3))
def test_of_two_folders_that_take_a_study_at_once_one_gets_it(write, after, taken, monkeypatch):
    """The other does so before or after each attribute that one writes."""
    set_attribute, left, others = Study.set_user_attr, [write], []

    def set_user_attr(study, name, value):
        left[0] -= 1
        if now := left[0] == -1:
            if after:
                set_attribute(study, name, value)
            others.append(taken("other"))
        if not (now and after):
            set_attribute(study, name, value)

    monkeypatch.setattr(Study, "set_user_attr", set_user_attr)
    first = taken("one")
    assert [first, *others] == ([False, True] if (write, after) == (0, False) else [True, False])
    assert (taken("one"), taken("other")) == (first, not first)


def test_of_two_folders_that_see_each_other_neither_gets_the_study_and_the_next_one_does(taken, monkeypatch):
    set_attribute, others = Study.set_user_attr, []

    def set_user_attr(study, name, value):
        if (name, value) == (f"{OWNER}one", False):
            others.append(taken("other"))
        set_attribute(study, name, value)
        if (name, value) == (f"{OWNER}one", True):
            set_attribute(study, f"{OWNER}other", True)

    with monkeypatch.context() as patch:
        patch.setattr(Study, "set_user_attr", set_user_attr)
        assert [taken("one"), *others] == [False, False]
    assert (taken("other"), taken("one")) == (True, False)


def test_optuna_says_nothing_of_its_own_about_a_locked_database(settings, tmp_path, monkeypatch):
    url, said = f"sqlite:///{tmp_path / 'study.db'}?timeout=0.1", []
    monkeypatch.setattr(optuna.logging._default_handler, "emit", said.append)
    study = open_study(url, "study", settings().make_family(), settings())
    study.ask()
    with closing(sqlite3.connect(tmp_path / "study.db")) as other:

        @event.listens_for(study._storage._backend.engine, "before_cursor_execute")
        def lock(connection, cursor, statement, *others):
            if "FROM trials" in statement and not other.in_transaction:
                other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(StorageInternalError):
            study.get_trials()
    assert [record.getMessage() for record in said] == []


@pytest.fixture
def brackets(settings, tmp_path):
    """brackets(name, begun, **settings): Hyperband's brackets of 40 trials in a study of that name."""
    url = f"sqlite:///{tmp_path / 'study.db'}"

    def draw(name, *, begun=False, **changes):
        chosen = settings(hyperband=True, stopping=None, epochs=9, **changes)
        if begun:
            optuna.create_study(storage=url, study_name=name).set_user_attr(SETTINGS, chosen.as_json())
        study = open_study(url, name, chosen.make_family(), chosen, begun=begun)
        return [study.pruner._get_bracket_id(study, SimpleNamespace(number=n)) for n in range(40)]

    return draw


def test_brackets_of_hyperband_follow_from_the_seed_whatever_the_study_is_called(brackets):
    assert brackets("one") == brackets("other") != brackets("third", seed=1)


def test_a_study_of_an_earlier_version_keeps_the_brackets_that_optuna_draws_by_its_name(brackets):
    theirs, study = HyperbandPruner(1, 9, 3), optuna.create_study(study_name="one")
    theirs._try_initialization(study)
    by_name = [theirs._get_bracket_id(study, SimpleNamespace(number=n)) for n in range(40)]
    assert brackets("one", begun=True) == by_name


@pytest.fixture
def pruner(settings):
    """pruner(**settings): the pruner of a tuning with these settings."""

    def make(**changes):
        chosen = settings(**changes)
        return make_pruner(chosen.make_family(), chosen)

    return make


BY_HYPERBAND = {"hyperband": True, "stopping": None, "epochs": 9, "eta": 2, "min_epochs": 2, "seed": 5}


def test_hyperband_is_made_as_the_settings_say(pruner):
    """9 / 4 and 9 / 2 epochs, rounded; 9 / 8 are fewer than 2."""
    made = pruner(**BY_HYPERBAND)
    assert type(made) is Hyperband
    assert (made.T, made.eta, made.rungs, made.seed) == (9, 2, (2, 4), 5)


def test_accelerated_hyperband_is_made_as_the_settings_say(pruner, settings):
    made = pruner(**BY_HYPERBAND, delta=0.9, kappa=0.25, burn_in=7)
    assert type(made) is AcceleratedHyperband
    assert (made.T, made.eta, made.rungs, made.seed) == (9, 2, (2, 4), 5)
    assert (made.Delta, made.kappa, made.burn_in, made.metric) == (0.9, 0.25, 7, "accuracy")
    assert made.parameters == tuple(settings().make_family().parameters)
    other = pruner(**{**BY_HYPERBAND, "seed": 6}, delta=0.9)
    assert (other.kappa, other.model.regressor) == (1 / 2, "nu-svr-rbf")
    assert other.model.random_state != made.model.random_state


def test_rules_are_made_as_the_settings_say(pruner, settings):
    published = pruner(stopping=None, delta=0.9, burn_in=7)
    assert (published.rule.Delta, published.rule.burn_in) == (0.9, 7)
    assert (
        published.rule.model.random_state != pruner(stopping=None, delta=0.9, seed=1).rule.model.random_state
    )
    assert pruner(stopping="rank-envelope:c=3").rule.c == 3
    own = pruner(stopping=None)
    assert type(own.rule).__name__ == "RankEnvelope"
    for made in (published, own):
        assert isinstance(made, StoppingRulePruner)
        assert (made.T, made.metric) == (6, "accuracy")
        assert made.parameters == tuple(settings().make_family().parameters)


@pytest.mark.parametrize(
    "stops", [{}, {"delta": 0.9}, {"delta": 0.9, "hyperband": True}, {"hyperband": True}]
)
def test_a_perplexity_is_minimised_and_every_pruner_knows_it(stops, tmp_path):
    chosen = TuneSettings.of({"family": "lstm", "dataset": "ptb", **stops})
    study = open_study(f"sqlite:///{tmp_path / 'study.db'}", "words", chosen.make_family(), chosen)
    assert study.direction.name == "MINIMIZE"
    assert getattr(study.pruner, "metric", "perplexity") == "perplexity"


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_sampler_follows_from_the_seed_and_the_number_of_its_trial(settings, sampler):
    def drawn(number, **changes):
        study = optuna.create_study(sampler=make_sampler(settings(sampler=sampler, **changes), number))
        return study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}).params["x"]

    assert drawn(3) == drawn(3)
    assert len({drawn(3), drawn(4), drawn(3, seed=1)}) == 3
    made = make_sampler(settings(sampler=sampler), 0)
    assert type(made).__name__ == {"tpe": "TPESampler", "random": "RandomSampler"}[sampler]


def test_parameters_are_spread_as_the_family_says():
    known = optuna.distributions
    assert distribution(Whole(2, 10, step=4)) == known.IntDistribution(2, 10, step=4)
    assert distribution(OneOf((1, 4, 9))) == known.CategoricalDistribution((1, 4, 9))
    assert distribution(Real(0.1, 10.0, log=True)) == known.FloatDistribution(0.1, 10.0, log=True)
    assert distribution(Real(0.1, 10.0)) == known.FloatDistribution(0.1, 10.0)
