"""A search as an Optuna study, for optuna-dashboard and Optuna's plots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from metaqnn.database.engine import BUSY_SECONDS, name_of
from metaqnn.database.queries import SearchReader
from metaqnn.database.schema import searches
from metaqnn.database.trouble import advice, cause_of
from metaqnn.mirrors.mirror import Mirror, MirroredNetwork, MirrorError, identity
from predictor.curves.metrics import Direction
from predictor.extras import require

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

SEARCH, NUMBER = "metaqnn_search", "network"
MOST = 2**53
NO_URL = (
    "the Optuna storage is not a URL; expected one such as sqlite:///study.db or "
    "postgresql+psycopg://USER@HOST/DATABASE"
)
PASSWORDS = ("password", "passwd", "sslpassword")
"""Where else a URL may have a password, besides its usual place."""
STATES = {"completed": "COMPLETE", "stopped": "PRUNED"}
"""Outcomes that are not failures."""
ATTRIBUTES = ("architecture", "outcome", "predicted_accuracy", "reward", "num_params", "message")
"""Columns of the network that become user attributes where they are known."""


class OptunaMirror(Mirror):
    """A study with one trial for each network.

    A completed network is COMPLETE with y_T as value. A stopped one is PRUNED; its value is the last accuracy
    that was observed, as in Optuna itself, and the prediction y_hat_T is the user attribute
    `predicted_accuracy`. All others are FAIL, with the user attributes `outcome` and `message`.
    Intermediate values are the observed accuracies of the last attempt. Parameters are depth, parameters
    (true count), macs, epsilon and learning_rate, times are those of the training.

    Args:
        storage: URL of an Optuna storage, such as `sqlite:///study.db`; created if needed.
        reader: reads the search.
        study_name: a study for this search only.

    Raises:
        MissingPackageError: Optuna is not installed.
        MirrorError: the study belongs to something else, or the storage cannot be used.
    """

    def __init__(self, storage: str, reader: SearchReader, study_name: str) -> None:
        self._study = open_study(storage, study_name)
        with explained(storage):
            self._claim(identity(reader), study_name)
        self._storage = storage
        self.place = f"study {study_name!r} in {name_of(storage)}"

    def _claim(self, search: str, study_name: str) -> None:
        if SEARCH not in self._study.user_attrs and not self._study.trials:
            self._study.set_user_attr(SEARCH, search)
        if self._study.user_attrs.get(SEARCH) != search:
            raise _other(study_name)

    def numbers(self) -> set[int]:
        """See `Mirror`. Trials that others have added to the study do not count."""
        with self._explained():
            trials = self._study.get_trials(deepcopy=False)
        found = (trial.user_attrs.get(NUMBER) for trial in trials)
        return {number for number in found if isinstance(number, int)}

    def add(self, network: MirroredNetwork) -> None:
        """See `Mirror`. Optuna adds a trial in one transaction."""
        trial = _trial(network)
        with self._explained():
            self._study.add_trial(trial)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self._storage):
                yield
        except KeyError:  # what Optuna raises where a study has been deleted
            raise MirrorError(f"the {self.place} is gone; metaqnn mirror creates it again") from None


def open_study(storage: str, study_name: str) -> Study:
    """A study, created if needed. Raises as `OptunaMirror`."""
    quiet_optuna("the Optuna mirror")
    with explained(storage):
        check_no_replay_database(storage)
        return make_study(storage, study_name, "maximize", instead="--study")


def quiet_optuna(feature: str) -> Any:
    """Optuna without its warnings, such as SQL of a locked database.

    Raises:
        MissingPackageError: it is not installed, and this feature needs it.
    """
    optuna = require("optuna", feature, "metaqnn[optuna]")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def make_study(storage: str, study_name: str, direction: Direction, *, instead: str) -> Study:
    """A study of one value, to minimize or to maximize, created if needed.

    One that has trials is returned as it is: whose they are says whether it can be used.

    Args:
        storage: URL.
        study_name: of the study.
        direction: `minimize` or `maximize`.
        instead: the option to give if there is an empty study of that name with other directions.

    Raises:
        MirrorError: there is one.
    """
    from optuna import create_study

    study: Study = create_study(
        storage=storage, study_name=study_name, direction=direction, load_if_exists=True
    )
    found = [one.name.lower() for one in study.directions]
    if found != [direction] and not study.get_trials(deepcopy=False):
        raise MirrorError(
            f"the study {study_name!r} is to {', '.join(found)}, not {direction}; give another {instead}"
        )
    return study


def require_unused(storage: str, study_name: str) -> None:
    """Refuse a study that a search that has not begun cannot be copied to. Raises as `OptunaMirror`."""
    study = open_study(storage, study_name)
    with explained(storage):
        if SEARCH in study.user_attrs or study.trials:
            raise _other(study_name)


def _other(study_name: str) -> MirrorError:
    return MirrorError(f"the study {study_name!r} holds something else; give another --study")


def check_no_replay_database(storage: str) -> None:
    """Refuse a search's database: Optuna and this package would both use the table `alembic_version`.

    It waits for a locked SQLite file, about as long as Optuna itself does to add a trial.
    """
    url = make_url(storage)
    if url.get_backend_name() == "sqlite":
        url = url.set(query={"timeout": str(BUSY_SECONDS), **url.query})
    engine = create_engine(url)
    if engine.url.get_backend_name() == "sqlite" and engine.url.database in (None, "", ":memory:"):
        raise MirrorError(
            f"{storage} keeps nothing: it is in memory; expected one such as sqlite:///study.db"
        )
    try:
        if inspect(engine).has_table(searches.name):
            raise MirrorError(f"{name_of(storage)} is the database of a search; give the study another one")
    finally:
        engine.dispose()


def without_password(storage: str) -> str:
    """The URL of a storage as it may be printed. Raises MirrorError if it is none."""
    try:
        url = make_url(storage)
    except (ArgumentError, ValueError):
        raise MirrorError(NO_URL) from None
    plain = url._replace(password=None).difference_update_query(PASSWORDS)
    return storage if plain == url else plain.render_as_string()


@contextmanager
def explained(storage: str) -> Iterator[None]:
    """Turn errors of a database, and Optuna's about one of another version, into one clear line."""
    from optuna.exceptions import StorageInternalError

    try:
        yield
    except ArgumentError:  # not quoted: it may hold a password
        raise MirrorError(NO_URL) from None
    except (StorageInternalError, SQLAlchemyError, ImportError, RuntimeError) as error:
        cause, reason = cause_of(error)
        helps = advice(cause)
        raise MirrorError(
            f"Optuna cannot use {name_of(storage)}: {reason}{f'; {helps}' if helps else ''}"
        ) from None


def _trial(network: MirroredNetwork) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    facts = network.facts
    state = TrialState[STATES.get(facts["outcome"], "FAIL")]
    values = {"completed": facts["final_accuracy"], "stopped": facts["last_accuracy"]}
    parameters, known = network.parameters, {n: facts[n] for n in ATTRIBUTES if facts[n] is not None}
    trial = create_trial(
        state=state,
        value=values.get(facts["outcome"]),
        params=parameters,
        distributions={name: _distributions()[name] for name in parameters},
        intermediate_values={epoch["epoch"]: epoch["accuracy"] for epoch in network.epochs},
        user_attrs={NUMBER: network.number, **known},
    )
    trial.datetime_start = datetime.fromtimestamp(network.started_at)  # local times, like Optuna's own
    trial.datetime_complete = datetime.fromtimestamp(facts["finished_at"])
    return trial


def _distributions() -> dict[str, BaseDistribution]:
    """The same for all trials: whatever a network may have."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "depth": IntDistribution(1, 1000),
        "parameters": IntDistribution(1, MOST, log=True),
        "macs": IntDistribution(1, MOST, log=True),
        "epsilon": FloatDistribution(0, 1),
        "learning_rate": FloatDistribution(1e-12, 1e3, log=True),
    }
