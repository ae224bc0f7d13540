"""The study of a tuning is opened only if it is that of the tuning, and whole."""

import sqlite3
from contextlib import closing
from types import SimpleNamespace

import optuna
import pytest
from optuna.pruners import HyperbandPruner

from metaqnn.tune import TuneError
from metaqnn.tune.study import SETTINGS, open_study

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
    """opened(name, begun): the study in the file that `tuning` has left."""

    def open_(name="study", *, begun=True):
        url = f"sqlite:///{tmp_path / 'run' / 'study.db'}"
        return open_study(url, name, settings().make_family(), settings(), begun=begun)

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


def test_a_study_without_trials_is_taken_over(opened, tmp_path):
    (tmp_path / "run").mkdir()
    for _ in range(2):  # a kill may come between the study and what the run folder says of it
        assert opened(begun=False).trials == []


@pytest.fixture
def brackets(settings, tmp_path):
    """brackets(name, begun, **settings): those of 40 trials in a study of that name, by Hyperband."""
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
