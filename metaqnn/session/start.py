"""Puts a search together: images, trainer, state space, stopping rule and database."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import URL

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError, flag
from metaqnn.config.presets import PUBLISHED_SETTINGS
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import (
    PUBLISHED_NAMES,
    SETTINGS,
    complete_rule,
    contradicted,
    same_rule,
    settings_of,
)
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.database.trouble import damage_explained
from metaqnn.executors import Executor
from metaqnn.output import command
from metaqnn.search.loop import Search
from metaqnn.search.network_files import NetworkFiles
from metaqnn.search.rule import stopping_rule
from metaqnn.session.preparation import (
    Prepared,
    changes_since,
    load_and_build,
    require_precision,
    require_same_images,
)
from metaqnn.session.run_folder import RunFolder
from metaqnn.session.trust import require_trusted, trust
from metaqnn.session.workers import make_executor, settled
from trainers import ClassifierTrainer


@dataclass(frozen=True)
class Session:
    """A search that is ready to run, and what it runs with."""

    folder: RunFolder
    prepared: Prepared
    database: ReplayDatabase
    search: Search
    executor: Executor
    notes: tuple[str, ...] = ()
    """What has changed since the search was last run."""

    @property
    def config(self) -> SearchConfig:
        """The configuration of the search."""
        return self.prepared.config

    @property
    def trainer(self) -> ClassifierTrainer:
        """A trainer in this process."""
        return self.prepared.trainer


def prepare(config: SearchConfig, environment: Environment) -> Prepared:
    """Load the images and build the trainer: bad input is noticed before anything is written."""
    stopping_rule(config)  # a rule that makes no sense is refused before images are loaded
    trust(config.dataset)
    return load_and_build(config, environment)


def begin(prepared: Prepared, folder: RunFolder, storage: URL | None = None) -> Session:
    """Store a new search, in `storage` or in the run folder, which is empty and locked by the caller."""
    prepared = settled(prepared)
    executor = make_executor(prepared)
    return _session(prepared, folder, folder.create_search(prepared.record, storage), executor)


def resume(
    folder: RunFolder,
    given: dict[str, Any],
    changes: dict[str, Any],
    storage: URL | None = None,
    *,
    may_extend: bool = True,
    trust_module: bool = False,
) -> Session:
    """Restore the search of a run folder that the caller has locked.

    Args:
        folder: the run folder.
        given: search options that the user repeated; they must be those of the search, except for a
            longer schedule, which extends it.
        changes: environment options that differ from last time, by name.
        storage: the URL of the database, if the user gave it again.
        may_extend: False if the schedule is not one that the user chose, but that of a preset.
        trust_module: whether the user trusts the function that is the data set, see `require_trusted`.

    Raises:
        ConfigError: a given option differs, or the data set is a function that is not trusted.
        OtherImagesError: the data set is not the one the search began with.
        RunFolderError: the database is not the search's.
        DatabaseError: the database is damaged, or cannot be used now.
    """
    database, record = _opened(folder, storage)
    config = extended(record.config, given) if may_extend else record.config
    check_same(folder, config, given)
    prepared = settled(_prepared(record, config, changes, trust_module))
    executor = make_executor(prepared)
    if config.schedule != record.config.schedule:
        database.extend(config.schedule)
    database.set_environment(asdict(prepared.environment))
    with damage_explained(folder.url):
        session = _session(prepared, folder, database, executor)
    return replace(session, notes=tuple(changes_since(record, prepared)))


def reopen(
    folder: RunFolder, changes: dict[str, Any], *, trust_module: bool = False
) -> tuple[ReplayDatabase, Prepared]:
    """Open a search to train here without resuming it; its stored environment stays as it is.

    Args:
        folder: the run folder, locked by the caller.
        changes: environment options that differ from the search's, by name.
        trust_module: as in `resume`, which also says what is raised.
    """
    database, record = _opened(folder)
    here = {**changes, "executor": "local"}
    return database, settled(_prepared(record, record.config, here, trust_module))


def _opened(folder: RunFolder, storage: URL | None = None) -> tuple[ReplayDatabase, SearchRecord]:
    with damage_explained(folder.url):
        database = folder.open_search(storage)
        return database, database.record()


def _prepared(
    record: SearchRecord, config: SearchConfig, changes: dict[str, Any], trust_module: bool
) -> Prepared:
    require_trusted(config.dataset, trust_module)
    environment = Environment.stored(record.environment).but(**changes)
    if changes.get("precision") is None:
        require_precision(environment)
    prepared = prepare(config, environment)
    require_same_images(record, prepared.dataset)
    return prepared


def extended(stored: SearchConfig, given: dict[str, Any]) -> SearchConfig:
    """A search's configuration, with the given schedule if that extends the stored one."""
    schedule = given.get("schedule")
    if schedule is None or not schedule.extends(stored.schedule):
        return stored
    return replace(stored, schedule=schedule)


def check_same(folder: RunFolder, stored: SearchConfig, given: dict[str, Any]) -> None:
    """Refuse options that are not those of the search in the folder.

    Raises:
        ConfigError: naming each option that differs.
    """
    flags = {name: value for name, value in given.items() if name in SETTINGS}
    given = {name: value for name, value in given.items() if name not in SETTINGS}
    if "stopping" not in given:
        _refuse_flags_of_another_rule(folder, stored.stopping, flags)
    if flags or "stopping" in given:
        asked = given.get("stopping", stored.stopping)
        rule = complete_rule(asked, flags, PUBLISHED_SETTINGS[stored.preset])
        given["stopping"] = stored.stopping if same_rule(rule, stored.stopping) else rule
    by_data = {"validation_size", "own_validation"}  # whose defaults follow the data set
    given = {name: value for name, value in given.items() if value is not None or name not in by_data}
    pairs = [(name, getattr(stored, name), value) for name, value in given.items()]
    different = [f"{flag(n)} is {was} there and {now} here" for n, was, now in pairs if was != now]
    if different:
        hint = _hint(folder, stored.schedule, given.get("schedule", stored.schedule))
        raise ConfigError(
            f"run folder {str(folder.path)!r} holds another search: {'; '.join(different)}{hint}"
        )


def _hint(folder: RunFolder, stored: EpsilonSchedule, given: EpsilonSchedule) -> str:
    if given == stored:
        return f"; to continue it: {command('run', '--resume', folder.path)}"
    if given.extends(stored):  # that of a preset, see `resume`
        return "; to extend it, give the longer --schedule; to continue it, --resume in place of --run-dir"
    return "; a schedule may only extend the stored one"


def _refuse_flags_of_another_rule(folder: RunFolder, rule: str, flags: dict[str, Any]) -> None:
    """Refuse flags of the published criterion that are not those of a search's rule. Raises ConfigError."""
    published = settings_of(rule)[0] in PUBLISHED_NAMES
    one = contradicted(rule, flags) if published else next(iter(flags), None)
    if one is not None:
        raise ConfigError(
            f"run folder {str(folder.path)!r} holds another search: {flag(one)} {flags[one]} contradicts "
            f"--stopping {rule}, which it was started with"
        )


def _session(prepared: Prepared, folder: RunFolder, database: ReplayDatabase, executor: Executor) -> Session:
    config, trainer = prepared.config, prepared.trainer
    files = NetworkFiles(
        folder.path,
        prepared.environment.keep_weights,
        checkpoint_every=prepared.environment.checkpoint_every,
        epochs=config.epochs,
        input_shape=trainer.input_shape,
        num_classes=trainer.num_classes,
    )
    search = Search(config, prepared.space, database, stopping_rule(config), files, chance=trainer.chance)
    return Session(folder, prepared, database, search, executor)
