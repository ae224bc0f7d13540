"""Puts a search together: images, trainer, state space, stopping rule and database."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, cast

from sqlalchemy import URL

from metaqnn.config.environment import Circumstances
from metaqnn.config.search import PUBLISHED_RULE, ConfigError, SearchConfig
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.database.trouble import damage_explained
from metaqnn.executors import Executor
from metaqnn.search.loop import Search
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.session.network_files import NetworkFiles
from metaqnn.session.prepare import Prepared, load_and_build
from metaqnn.session.run_folder import RunFolder, RunFolderError
from metaqnn.session.workers import make_executor
from predictor import EarlyStopper, SequentialRegression, StoppingRule
from predictor.models.tau_model import Target
from predictor.rules.names import make_rule
from predictor.rules.reward import ForecastAtStop, LastSeen, ModelForecaster
from trainers import ClassifierTrainer, ImageDataset

MOST_NAMED = 3
"""Differences of a data set that are named; more would fill the screen."""
Counts = Mapping[str, Mapping[str, int]]
LIBRARIES = ("metaqnn", "torch", "torchvision", "numpy", "scikit-learn", "sqlalchemy")


@dataclass(frozen=True)
class Session:
    """A search that is ready to run, and what it runs with."""

    folder: RunFolder
    prepared: Prepared
    database: ReplayDatabase
    search: Search
    executor: Executor

    @property
    def config(self) -> SearchConfig:
        """The configuration of the search."""
        return self.prepared.config

    @property
    def trainer(self) -> ClassifierTrainer:
        """A trainer in this process."""
        return self.prepared.trainer


def prepare(config: SearchConfig, circumstances: Circumstances) -> Prepared:
    """Load the images and build the trainer: bad input is noticed before anything is written."""
    stopping_rule(config)  # a rule that makes no sense is refused before images are loaded
    return load_and_build(config, circumstances)


def begin(prepared: Prepared, folder: RunFolder, storage: URL | None = None) -> Session:
    """Store a new search, in `storage` or in the run folder, which is empty and locked by the caller."""
    config, dataset = prepared.config, prepared.dataset
    record = SearchRecord(
        config,
        dataset.input_shape,
        dataset.num_classes,
        dataset.fingerprint,
        _versions(),
        asdict(prepared.circumstances),
        dataset.counts,
    )
    executor = make_executor(prepared)
    return _session(prepared, folder, folder.create_search(record, storage), executor)


def go_on(
    folder: RunFolder, given: dict[str, Any], changes: dict[str, Any], storage: URL | None = None
) -> Session:
    """Restore the search of a run folder that the caller has locked.

    Args:
        folder: the run folder.
        given: search options that the user repeated; they must be those of the search.
        changes: other circumstances than last time.
        storage: the database again, if the user repeated it.

    Raises:
        ConfigError: a given option differs.
        RunFolderError: the data set or the database is not the one the search began with.
        SchemaError: the database is damaged, or cannot be used now.
    """
    with damage_explained(folder.url):
        database = folder.open_search(storage)
        record = database.record()
    check_same(folder, record.config, given)
    prepared = prepare(record.config, Circumstances.stored(record.circumstances).but(**changes))
    if prepared.dataset.fingerprint != record.data_fingerprint:
        raise RunFolderError(
            f"data set {record.config.dataset!r} is not the one this search began with: "
            f"{_difference(record, prepared.dataset)}"
        )
    executor = make_executor(prepared)
    database.set_circumstances(asdict(prepared.circumstances))
    with damage_explained(folder.url):
        return _session(prepared, folder, database, executor)


def _difference(record: SearchRecord, dataset: ImageDataset) -> str:
    """In what respect another data set differs, as far as the record tells."""
    pairs = [
        ("image shape", record.input_shape, dataset.input_shape),
        ("number of classes", record.num_classes, dataset.num_classes),
    ]
    different = [f"its {what} is {now}, it was {was}" for what, was, now in pairs if now != was]
    different = different or _other_numbers(record.images or {}, dataset.counts)
    if different:
        return "; ".join(different)
    same = "as many as before of each class, but other images" if record.images else "other images or labels"
    return f"{same}; its fingerprint is {dataset.fingerprint[:12]}, it was {record.data_fingerprint[:12]}"


def _other_numbers(before: Counts, now: Counts) -> list[str]:
    """Classes whose number of images is not what it was, the first few of them."""
    different = [
        f"{there.get(name, 0)} {part} images of {name!r}, there were {known.get(name, 0)}"
        for part, known in before.items()
        for there in (now[part],)
        for name in dict.fromkeys((*known, *there))
        if there.get(name) != known.get(name)
    ]
    more = len(different) - MOST_NAMED
    return [*different[:MOST_NAMED], f"and {more} more"] if more > 0 else different


def check_same(folder: RunFolder, stored: SearchConfig, given: dict[str, Any]) -> None:
    """Refuse options that are not those of the search in the folder.

    Raises:
        ConfigError: naming each option that differs.
    """
    if given.get("validation_size") is None:  # the stored one is the default for the data set's size
        given = {name: value for name, value in given.items() if name != "validation_size"}
    pairs = [(name, getattr(stored, name), value) for name, value in given.items()]
    different = [
        f"--{n.replace('_', '-')} is {was} there and {now} here" for n, was, now in pairs if was != now
    ]
    if different:
        raise ConfigError(f"run folder {str(folder.path)!r} holds another search: {'; '.join(different)}")


def stopping_rule(config: SearchConfig) -> StoppingRule:
    """The stopping rule that a configuration asks for; its decisions to stop carry what becomes the reward.

    The published criterion forecasts y_hat_T itself. For other rules a model of the completed networks does.

    Raises:
        PredictorError: there is no such rule, or it has no such setting; the message names the nearest one.
    """
    rule = _published(config) if config.stopping == PUBLISHED_RULE else make_rule(config.stopping)
    if config.reward == "last-seen":
        return ForecastAtStop(rule, LastSeen())
    return rule if isinstance(rule, EarlyStopper) else ForecastAtStop(rule, ModelForecaster())


def _published(config: SearchConfig) -> EarlyStopper:
    assert config.delta is not None
    seed = derived_seed(config.seed, Purpose.PREDICTOR)
    model = SequentialRegression(
        target=cast(Target, config.target), n_settings=config.svr_settings, random_state=seed
    )
    return EarlyStopper(
        Delta=config.delta,
        tolerance=config.tolerance,
        nth_best=config.nth_best,
        burn_in=config.burn_in,
        model=model,
        refit_growth=config.refit_growth,
    )


def _session(prepared: Prepared, folder: RunFolder, database: ReplayDatabase, executor: Executor) -> Session:
    config, trainer = prepared.config, prepared.trainer
    files = NetworkFiles(
        folder.path,
        prepared.circumstances.keep_weights,
        epochs=config.epochs,
        input_shape=trainer.input_shape,
        num_classes=trainer.num_classes,
    )
    search = Search(config, prepared.space, database, stopping_rule(config), files)
    return Session(folder, prepared, database, search, executor)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
