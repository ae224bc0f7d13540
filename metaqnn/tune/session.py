"""One run of `metaqnn tune`: begins a tuning or resumes one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.config.environment import Environment
from metaqnn.executors import SearchStopped
from metaqnn.interrupts import uninterrupted
from metaqnn.mirrors.optuna import explained
from metaqnn.session.find import RUNS
from metaqnn.session.run_folder import RunFolder, RunFolderError
from metaqnn.session.trust import require_trusted, trust
from metaqnn.tune import TuneError
from metaqnn.tune.folder import TuneFolder
from metaqnn.tune.found import Asked, of_search
from metaqnn.tune.preparation import PreparedTuning, make_executor, prepare_again, prepare_tuning
from metaqnn.tune.results import write_results
from metaqnn.tune.settings import DEFAULT_TRIALS, TuneSettings, refuse_images
from metaqnn.tune.study import FINGERPRINT, TRIALS, make_pruner, open_study
from metaqnn.tune.tuning import Heard, Tuning

if TYPE_CHECKING:
    from optuna.study import Study


@dataclass(frozen=True)
class TuneSession:
    """A tuning that is ready to run.

    Attributes:
        folder: its run folder.
        prepared: settings, family and trainer.
        study: Optuna's.
        trials: trials in all.
    """

    folder: TuneFolder
    prepared: PreparedTuning
    study: Study
    trials: int

    @classmethod
    @contextmanager
    def opened(
        cls, namespace: argparse.Namespace, given: Mapping[str, Any], environment: Mapping[str, Any]
    ) -> Iterator[TuneSession]:
        """What the options ask for; in the block, its folder is locked.

        Bad input is noticed before anything is written, and nothing is written before the folder is locked.

        Args:
            namespace: the options `resume`, `run_dir`, `storage`, `rank`, `trials`, `trust_module`.
            given: settings that the user gave.
            environment: fields of `Environment`, None where not given.

        Raises:
            TuneError: the settings do not go together, or are not those of the tuning in the folder.
            RunFolderError: another process uses the folder, or has begun something in it meanwhile; and as
                `TuneFolder` says.
            ConfigError, DatasetError, DeviceError, FamilyError, MirrorError, PredictorError: as they say.
        """
        place = Environment(threads=1).but(**environment)
        if namespace.resume is None:
            asked, settings = _asked(namespace, given, place)
            given, place = asked.settings, asked.place
            folder = TuneFolder(namespace.run_dir or _new_folder(settings))
        elif namespace.rank is None:
            folder = TuneFolder(namespace.resume)
        else:
            raise TuneError(f"--rank is {namespace.rank}, but --resume continues a tuning as it is")
        begun = folder.run.kind() == "tuning" or namespace.resume is not None
        if begun:
            url, name, settings, before = folder.open(namespace.storage)
            settings.check_same(given)
            require_trusted(settings.dataset, namespace.trust_module)
        refuse_images(settings.make_family(), environment)
        if begun:
            prepared = prepare_again(settings, before.but(**environment), before.precision, "tuning")
            prepared = replace(prepared, notes=(*prepared.notes, *folder.version_notes()))
        else:
            prepared = prepare_tuning(settings, place)
            url, name = folder.place(_study_name(prepared.settings), namespace.storage)
        with folder.run.lock():
            if not begun and (held := folder.run.kind()) is not None:
                where = repr(str(folder.path))
                raise RunFolderError(
                    f"another process has just started a {held} in {where}; give another --run-dir"
                )
            with explained(url):
                study = _study(namespace, folder, prepared, url, name, begun=begun)
                trials = namespace.trials or study.user_attrs.get(TRIALS, DEFAULT_TRIALS)
            yield cls(folder, prepared, study, trials)

    def run(self, heard: Heard) -> str | None:
        """Train; returns why it stopped early, if it did. What was found is written, however it ends.

        Raises:
            RunFolderError: the folder was removed or moved.
        """
        self.folder.move(self.prepared.environment)
        self.study.set_user_attr(TRIALS, self.trials)
        tuning = Tuning(self.study, self.prepared, self.trials, self.folder.checkpoints, heard)
        try:
            tuning.run(make_executor(self.prepared))
        except SearchStopped as reason:
            return str(reason)
        finally:
            self.folder.require()
            write_results(self.study, self.prepared.family, self.prepared.settings, self.folder.path)
        return None

    def ended(self) -> int:
        """Trials that have ended."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    def all_failed(self) -> bool:
        """Whether every trial has failed."""
        states = {trial.state.name for trial in self.study.get_trials(deepcopy=False)}
        return states == {"FAIL"}


def _asked(
    namespace: argparse.Namespace, given: Mapping[str, Any], place: Environment
) -> tuple[Asked, TuneSettings]:
    """What is asked for if nothing is resumed, and the settings that it makes. Raises as `of_search`."""
    asked = of_search(given, place, namespace.rank, namespace.trust_module)
    if "dataset" not in asked.settings:
        raise TuneError("--dataset is missing, for example --dataset cifar10, or ptb for lstm")
    settings = TuneSettings.of(asked.settings)
    if "dataset" in given:
        trust(settings.dataset)
    make_pruner(settings.make_family(), settings)  # refuses a rule that cannot be made
    return asked, settings


def _new_folder(settings: TuneSettings) -> Path:
    return RunFolder.new(RUNS, f"tune-{_short(settings)}-{Path(settings.dataset).name}").path


def _study_name(settings: TuneSettings) -> str:
    """For people; older studies also draw Hyperband's brackets by their name."""
    return f"{_short(settings)} on {Path(settings.dataset).name}, seed {settings.seed}"


def _short(settings: TuneSettings) -> str:
    return "network" if "(" in settings.family else settings.family


def _study(
    namespace: argparse.Namespace,
    folder: TuneFolder,
    prepared: PreparedTuning,
    url: str,
    name: str,
    *,
    begun: bool,
) -> Study:
    """The study, which is made and remembered in its locked folder unless it has begun."""
    own_file = not begun and namespace.storage is None
    owner = None if begun or namespace.storage is None else folder.owner()  # known before the study is taken
    with uninterrupted() if own_file else nullcontext():  # --resume needs both files
        study = open_study(url, name, prepared.family, prepared.settings, begun=begun, owner=owner)
        _check_data(study, prepared)
        if not begun:
            study.set_user_attr(TRIALS, namespace.trials or DEFAULT_TRIALS)
            folder.remember(name, namespace.storage, prepared.settings, prepared.environment)
    return study


def _check_data(study: Study, prepared: PreparedTuning) -> None:
    """Refuse other data than those that the tuning began with."""
    known = study.user_attrs.get(FINGERPRINT)
    if known is None:
        study.set_user_attr(FINGERPRINT, prepared.data.fingerprint)
    elif known != prepared.data.fingerprint:
        raise TuneError(prepared.other_data("this tuning", known))
