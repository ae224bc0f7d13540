"""Puts a search together: images, trainer, state space, stopping rule and database."""

import platform
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any, Self, cast

from metaqnn.config import ConfigError, SearchConfig
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.estimate import SMALL, mean_macs
from metaqnn.randomness import Purpose, derived_seed
from metaqnn.run_folder import RunFolder, RunFolderError
from metaqnn.search import Search
from predictor import EarlyStopper, NoStopping, SequentialRegression, StoppingRule
from predictor.tau_model import Target
from state_space import StateSpace
from trainers import ClassifierTrainer, ImageDataset, TrainingRecipe, load_dataset

LIBRARIES = ("metaqnn", "torch", "torchvision", "numpy", "scikit-learn", "sqlalchemy")


@dataclass(frozen=True)
class Circumstances:
    """What may differ when a search goes on elsewhere, and changes no decision beyond rounding.

    Attributes:
        data_dir: folder where data sets are looked for first.
        device: auto, cuda, mps or cpu.
        precision: auto, float32 or bfloat16.
        threads: CPU threads, None for all.
        download: whether data sets may be downloaded.
    """

    data_dir: str | None = None
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    download: bool = True

    def but(self, **changes: Any) -> Self:
        """A copy with those changes that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


@dataclass(frozen=True)
class Session:
    """A search that is ready to run, and the trainer that it runs with."""

    folder: RunFolder
    config: SearchConfig
    database: ReplayDatabase
    search: Search
    trainer: ClassifierTrainer
    training_images: int


@dataclass(frozen=True)
class Prepared:
    """A configuration with its images loaded and its trainer built; nothing is written yet."""

    config: SearchConfig
    space: StateSpace
    dataset: ImageDataset
    trainer: ClassifierTrainer
    circumstances: Circumstances


def prepare(config: SearchConfig, circumstances: Circumstances) -> Prepared:
    """Load the images and build the trainer, so that bad input is noticed before anything is written."""
    seed = derived_seed(config.seed, Purpose.DATA)
    dataset = load_dataset(
        config.dataset,
        data_dir=circumstances.data_dir,
        image_size=config.image_size,
        limit=config.train_limit,
        seed=seed,
        download=circumstances.download,
        extra=config.svhn_extra,
    )
    channels, side, _ = dataset.input_shape
    space = config.space(channels, side, dataset.num_classes)
    size = config.validation_size or max(1, min(5000, len(dataset.train_images) // 10))
    threads = 1 if circumstances.threads is None and mean_macs(space) < SMALL else circumstances.threads
    trainer = ClassifierTrainer(
        dataset,
        recipe=_recipe(config),
        validation_size=size,
        split_seed=seed,
        device=circumstances.device,
        precision=circumstances.precision,
        threads=threads,
    )
    return Prepared(replace(config, validation_size=size), space, dataset, trainer, circumstances)


def begin(prepared: Prepared, folder: RunFolder) -> Session:
    """Store a new search in an empty run folder that the caller has locked."""
    config, dataset = prepared.config, prepared.dataset
    record = SearchRecord(
        config,
        dataset.input_shape,
        dataset.num_classes,
        dataset.fingerprint,
        _versions(),
        asdict(prepared.circumstances),
    )
    return _session(prepared, folder, ReplayDatabase.create(folder.url, record))


def go_on(folder: RunFolder, given: dict[str, Any], changes: dict[str, Any]) -> Session:
    """Restore the search of a run folder that the caller has locked.

    Args:
        folder: the run folder.
        given: search options that the user repeated; they must be those of the search.
        changes: other circumstances than last time.

    Raises:
        ConfigError: a given option differs.
        RunFolderError: the data set is not the one the search began with.
    """
    database = ReplayDatabase.open(folder.url)
    record = database.record()
    check_same(folder, record.config, given)
    prepared = prepare(record.config, Circumstances(**record.circumstances).but(**changes))
    if prepared.dataset.fingerprint != record.data_fingerprint:
        raise RunFolderError(
            f"data set {record.config.dataset!r} is not the one this search began with: "
            f"its fingerprint is {prepared.dataset.fingerprint[:12]}, it was {record.data_fingerprint[:12]}"
        )
    database.set_circumstances(asdict(prepared.circumstances))
    return _session(prepared, folder, database)


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
    """The stopping rule that a configuration asks for."""
    if not config.early_stopping:
        return NoStopping()
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


def _session(prepared: Prepared, folder: RunFolder, database: ReplayDatabase) -> Session:
    search = Search(prepared.config, prepared.space, database, stopping_rule(prepared.config))
    training_images = len(prepared.dataset.train_images) - (prepared.config.validation_size or 0)
    return Session(folder, prepared.config, database, search, prepared.trainer, training_images)


def _recipe(config: SearchConfig) -> TrainingRecipe:
    return TrainingRecipe(
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        decay_factor=config.decay_factor,
        decay_every=config.decay_every,
        attempts=config.attempts,
        mirror=config.mirror,
        translate=config.translate,
    )


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
