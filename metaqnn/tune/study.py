"""Optuna's side of a tuning: the study and its storage, the sampler, the pruner."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from metaqnn.config.stopping import OWN_RULE
from metaqnn.database.engine import name_of, sqlite_url
from metaqnn.mirrors.optuna import check_no_replay_database, explained, make_study, quiet_optuna
from metaqnn.output import counted
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.tune import TuneError
from metaqnn.tune.folder import sqlite_file
from metaqnn.tune.settings import TuneSettings
from predictor import EarlyStopper
from predictor.curves.metrics import Direction
from predictor.models.names import make_method
from predictor.rules.names import make_rule
from trainers.families import Family, OneOf, Parameter, Whole

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.study import Study

    from predictor import SequentialRegression

SETTINGS, FINGERPRINT, SEEDED, TRIALS = "metaqnn_tune", "data_fingerprint", "seeded_brackets", "trials"
"""Attributes of the study."""
FEATURE = "metaqnn tune"
"""What needs Optuna."""
OWNER = "metaqnn_owner:"
"""Begins an attribute for each run folder that tries to take the study; True for the one that has it."""


def open_study(
    url: str,
    name: str,
    family: Family,
    settings: TuneSettings,
    *,
    begun: bool = False,
    owner: str | None = None,
) -> Study:
    """The study of a tuning; if the tuning has not begun, it is made unless it exists.

    Args:
        url: of the storage.
        name: of the study.
        family: what is tuned.
        settings: how.
        begun: whether a run folder says that this is its study.
        owner: of a new study in a storage of others, the run folder's own id.

    Raises:
        MissingPackageError: Optuna is not installed.
        MirrorError: the storage cannot be used, or has a study of that name with other directions.
        TuneError: the study belongs to something else or to another run folder, is gone, or is damaged.
    """
    with explained(url):
        if begun:
            _require_file(url, name)
        check_no_replay_database(url)
        study = _found(url, name) if begun else _made(url, name, family)
        if not _is_whole(study, family, settings):
            raise TuneError(f"the study {name!r} in {name_of(url)} is damaged; put back a copy of it")
        _claim(study, settings, begun, owner)
    study.pruner = make_pruner(family, settings, seeded=SEEDED in study.user_attrs)
    return study


def _require_file(url: str, name: str) -> None:
    """Refuse an SQLite file that does not exist: opening it would make an empty one. Raises TuneError."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise TuneError(
            f"the study {name!r} is not in {name_of(sqlite_url(file))} any more: there is no such file; "
            "put it back, or give another --run-dir to begin anew"
        )


def _found(url: str, name: str) -> Study:
    try:
        return quiet_optuna(FEATURE).load_study(study_name=name, storage=url)
    except KeyError:
        raise TuneError(
            f"the study {name!r} is not in {name_of(url)} any more; to begin anew, give another --run-dir"
        ) from None


def _made(url: str, name: str, family: Family) -> Study:
    direction: Direction = "maximize" if family.metric == "accuracy" else "minimize"
    quiet_optuna(FEATURE)
    return make_study(url, name, direction, instead="--run-dir")


def _claim(study: Study, settings: TuneSettings, begun: bool, owner: str | None) -> None:
    """Write into a new study which tuning it belongs to, or check that of an old one. Raises TuneError."""
    trials, known = len(study.get_trials(deepcopy=False)), study.user_attrs.get(SETTINGS)
    is_new = known is None and not trials
    is_ours = is_new or known == settings.as_json()
    if is_ours and trials and not begun:
        raise TuneError(
            f"the study {study.study_name!r} in that storage already has {counted(trials, 'trial')}, from "
            "another run folder; go on there with --resume, or give another --run-dir"
        )
    if is_ours and not begun and owner is not None:
        is_ours = _take(study, owner)
    if not is_ours:
        why = "was begun with other settings, perhaps by another version of metaqnn"
        raise TuneError(
            f"the study {study.study_name!r} in that storage "
            f"{why if begun and known else 'belongs to something else'}; give another --run-dir"
        )
    if is_new:
        study.set_user_attr(SEEDED, True)  # before the settings, so that a kill in between changes nothing
        study.set_user_attr(SETTINGS, settings.as_json())


def _take(study: Study, owner: str) -> bool:
    """Take the study for a run folder, unless another one has it; returns whether it has worked.

    Each folder writes an attribute of its own, then reads all: of two, the later writer sees the other.
    If each sees the other, both give the study up, and whoever comes next can take it.
    """
    mine = OWNER + owner
    study.set_user_attr(mine, True)
    owners = [name for name, owns in study.user_attrs.items() if name.startswith(OWNER) and owns]
    if owners != [mine]:
        study.set_user_attr(mine, False)
    return owners == [mine]


def _is_whole(study: Study, family: Family, settings: TuneSettings) -> bool:
    """Whether the study can be read, and each trial trained to the end has all that belongs to it.

    What belongs to the trials of something else is not known here.
    """
    try:
        own = study.user_attrs.get(SETTINGS) == settings.as_json()
        ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
        return not own or all(
            trial.value is not None
            and len(trial.intermediate_values) == settings.epochs
            and {*family.parameters} <= {*trial.params}
            for trial in ended
        )
    except (AssertionError, LookupError, TypeError, ValueError):  # what Optuna raises then
        return False


def make_sampler(settings: TuneSettings, number: int) -> Any:
    """The sampler of one trial, a function of seed, number and earlier trials, even if it was resumed."""
    samplers = quiet_optuna(FEATURE).samplers
    seed = derived_seed(settings.seed, Purpose.SAMPLE, number)
    if settings.sampler == "random":
        return samplers.RandomSampler(seed=seed)
    return samplers.TPESampler(seed=seed)


def make_pruner(family: Family, settings: TuneSettings, *, seeded: bool = True) -> BasePruner:
    """What stops trials.

    Args:
        family: what is tuned.
        settings: how.
        seeded: whether the seed draws Hyperband's brackets; in older studies, the study's name does.

    Raises:
        PredictorError: the rule cannot be made.
    """
    from predictor.integrations.optuna import StoppingRulePruner  # imports optuna

    names, T = tuple(family.parameters), settings.epochs
    if settings.hyperband:
        return _hyperband(family, settings, settings.seed if seeded else None)
    if settings.delta is not None:
        rule: Any = EarlyStopper(Delta=settings.delta, burn_in=settings.burn_in, model=_model(settings))
    else:
        rule = make_rule(settings.stopping or OWN_RULE)
    return StoppingRulePruner(rule, T, parameters=names, metric=family.metric)


def _hyperband(family: Family, settings: TuneSettings, seed: int | None) -> BasePruner:
    from metaqnn.tune.hyperband import AcceleratedHyperband, Hyperband

    if settings.delta is None:
        return Hyperband(settings.epochs, eta=settings.eta, min_epochs=settings.min_epochs, seed=seed)
    return AcceleratedHyperband(
        settings.epochs,
        eta=settings.eta,
        min_epochs=settings.min_epochs,
        seed=seed,
        Delta=settings.delta,
        kappa=settings.kappa,
        burn_in=settings.burn_in,
        metric=family.metric,
        parameters=tuple(family.parameters),
        model=_model(settings),
    )


def _model(settings: TuneSettings) -> SequentialRegression:
    """The model of the published criterion."""
    return make_method("nu-svr-rbf", random_state=derived_seed(settings.seed, Purpose.PREDICTOR))


def distribution(parameter: Parameter) -> BaseDistribution:
    """A parameter as Optuna has it."""
    distributions = quiet_optuna(FEATURE).distributions
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(parameter, Whole):
            return distributions.IntDistribution(parameter.low, parameter.high, step=parameter.step)
        if isinstance(parameter, OneOf):
            return distributions.CategoricalDistribution(parameter.values)
        return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)
