"""The trials of an Optuna study as learning curves: their intermediate values, from any of its storages."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from predictor.curves.choice import Wishes, is_generic
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.long import read_long
from predictor.curves.metrics import Direction, metric_of, plain, words_of
from predictor.curves.optuna_steps import StepOrder
from predictor.curves.telling import OF_PARAMETERS
from predictor.curves.words import EPOCH_NAMES, RUN
from predictor.errors import CurvesError
from predictor.extras import require
from predictor.files import reading_connection

VALUE = "value"
TABLES = {"studies", "trials", "trial_intermediate_values"}


def is_study(path: Path) -> bool:
    """Whether the SQLite file holds Optuna's tables."""
    try:
        with closing(reading_connection(path)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return False
    return {name for (name,) in found} >= TABLES


def is_journal(path: Path) -> bool:
    """Whether the file is one of Optuna's journals: JSON lines, each with an operation's code."""
    with path.open("rb") as file:
        return file.read(200).startswith(b'{"op_code":')


def read_study(storage: str, name: str, wishes: Wishes) -> LearningCurves:
    """Completed and pruned trials of the study; raises `CurvesError`.

    Args:
        storage: a URL such as `sqlite:///study.db` or a journal's path.
        name: of the study; may be empty where there is only one.
        wishes: of the caller.
    """
    study, trials = _loaded(storage, name)
    ended = [trial for trial in trials if trial.state.name in ("COMPLETE", "PRUNED")]
    reporting = [trial for trial in ended if trial.intermediate_values]
    order = StepOrder()
    for trial in reporting:
        order.add(trial)
    down = order.descending
    metric = study.metric_names[0] if study.metric_names else VALUE
    column = metric if _names_curve(metric) else VALUE
    rows = [row for trial in reporting for row in _rows(trial, column, -1 if down else 1)]
    if not rows:
        raise CurvesError(f"no completed or pruned trial of {study.study_name!r} has intermediate values")
    asked = replace(wishes, direction=wishes.direction or _direction(study))
    if column != metric:
        curve = VALUE if wishes.curve == metric else wishes.curve
        asked = replace(asked, metric=wishes.metric or "_".join(words_of(metric)) or VALUE, curve=curve)
    said = ["steps with a minus, as they count down"] if down else []
    return read_long(pd.DataFrame(rows, dtype=object).fillna(""), asked, RUN, said, declared=True)


def _loaded(storage: str, name: str) -> tuple[Any, list[Any]]:
    """The study and its trials."""
    optuna = require("optuna", "reading Optuna's studies")
    _refuse_missing(storage)
    try:
        study = _study(optuna, storage, name)
        return study, study.get_trials(deepcopy=False)
    except CurvesError:
        raise
    except Exception as error:  # SQLAlchemy's, the driver's, Optuna's own
        raise CurvesError(f"cannot be read by Optuna: {' '.join(str(error).split())[:300]}") from None


def _refuse_missing(storage: str) -> None:
    """Refuse a SQLite file that is not there: Optuna would make it."""
    file = storage.removeprefix("sqlite:///").partition("?")[0]
    if file != storage and not file.startswith("file:") and not Path(file).is_file():
        raise CurvesError(f"cannot be read by Optuna: no file {file}")


def _study(optuna: Any, url: str, name: str) -> Any:
    if "://" in url:
        storage = url
    else:
        journal = optuna.storages.journal
        storage = optuna.storages.JournalStorage(journal.JournalFileBackend(url))
    names = optuna.get_all_study_names(storage)
    if name and name not in names:
        raise CurvesError(f"no study {name!r}; there are {names[:12]}")
    if not name and len(names) != 1:
        raise CurvesError(f"{len(names)} studies: {names[:12]}; put #NAME behind the storage to say which")
    return optuna.load_study(study_name=name or names[0], storage=storage)


def _direction(study: Any) -> Direction:
    if len(study.directions) > 1:
        raise CurvesError(
            f"{study.study_name!r} has {len(study.directions)} objectives; say which way its intermediate "
            "values get better: --direction maximize or minimize"
        )
    return "maximize" if study.direction.name == "MAXIMIZE" else "minimize"


def _names_curve(metric: str) -> bool:
    """Whether a column of this name would be taken for the curve: not `epoch`, `time` or `config/acc`."""
    generic = is_generic(metric) and plain(metric) not in EPOCH_NAMES
    return generic or (metric_of(metric) is not None and not OF_PARAMETERS.match(metric))


def _rows(trial: Any, metric: str, sign: int) -> list[dict[str, str]]:
    """One row for each value, its step with the sign that makes steps go up."""
    config = {f"config/{name}": str(value) for name, value in trial.params.items()}
    return [
        {RUN: f"trial {trial.number}", "step": str(sign * step), metric: repr(float(value)), **config}
        for step, value in sorted(trial.intermediate_values.items())
    ]
