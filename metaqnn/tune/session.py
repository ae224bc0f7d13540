"""One run of `metaqnn tune`: begins a tuning or goes on with one, and tells what it has found."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.config.environment import Environment
from metaqnn.config.stopping import OWN_RULE
from metaqnn.executors import SearchStopped
from metaqnn.output import as_json, count, counted, percent, rows_as_text, shell_quoted
from metaqnn.session.run_folder import RUNS, RunFolder
from metaqnn.session.trust import require_trusted, trust
from metaqnn.tune import TuneError
from metaqnn.tune.folder import TuneFolder
from metaqnn.tune.found import Asked, of_search
from metaqnn.tune.preparation import PreparedTuning, make_executor, prepare_tuning
from metaqnn.tune.results import TuneSummary, best_trials, summarise_tune, trial_row, write_results
from metaqnn.tune.settings import TuneSettings, refuse_images
from metaqnn.tune.study import FINGERPRINT, make_pruner, open_study
from metaqnn.tune.tuning import Heard, Tuning
from state_space.errors import printable
from trainers.families import WordDataset
from trainers.metric import ACCURACY, in_words

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
    def of(
        cls, namespace: argparse.Namespace, given: Mapping[str, Any], environment: Mapping[str, Any]
    ) -> TuneSession:
        """What the options ask for. Bad input is noticed before anything is written.

        Args:
            namespace: the options `resume`, `run_dir`, `storage`, `rank`, `trials`, `trust_module`.
            given: settings that the user gave.
            environment: of `Environment`, None where not given.

        Raises:
            TuneError: the settings do not go together, or are not those of the tuning in the folder.
            ConfigError, DatasetError, DeviceError, FamilyError, MirrorError, PredictorError, RunFolderError:
                as they say.
        """
        place = Environment(threads=1).but(**environment)
        if namespace.resume is None:
            asked, settings = _asked(namespace, given, place)
            given, place = asked.settings, asked.place
            folder = TuneFolder(namespace.run_dir or _new_folder(settings))
        elif namespace.rank is None:
            folder = TuneFolder(namespace.resume)
        else:
            raise TuneError(f"--rank is {namespace.rank}, but --resume goes on with what is tuned there")
        begun = folder.holds_study or namespace.resume is not None
        if begun:
            url, name, settings, place = folder.open(environment, namespace.storage)
            settings.check_same(given)
            require_trusted(settings.dataset, namespace.trust_module)
        refuse_images(settings.make_family(), environment)
        prepared = prepare_tuning(settings, place)
        settings = prepared.settings
        if not begun:
            url, name = folder.place(_study_name(settings), namespace.storage)
        study = open_study(url, name, prepared.family, settings, begun=begun)
        _check_data(study, prepared)
        if not begun:
            folder.remember(name, namespace.storage, settings, place)
        return cls(folder, prepared, study, namespace.trials)

    def run(self, heard: Heard) -> str | None:
        """Train; returns why it stopped early, if it did. What was found is written, however it ends.

        The folder must be locked by the caller.
        """
        self.folder.move(self.prepared.environment)
        tuning = Tuning(self.study, self.prepared, self.trials, self.folder.checkpoints, heard)
        try:
            tuning.run(make_executor(self.prepared))
        except SearchStopped as reason:
            return str(reason)
        finally:
            write_results(self.study, self.prepared.family, self.prepared.settings, self.folder.path)
        return None

    def ended(self) -> int:
        """Trials that have ended."""
        return sum(trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False))

    def all_failed(self) -> bool:
        """Whether every trial has failed."""
        states = {trial.state.name for trial in self.study.get_trials(deepcopy=False)}
        return states == {"FAIL"}

    def best_line(self) -> str:
        """The best value so far, for the progress."""
        best = best_trials(self.study, 1)
        return f"best {self._shown(best[0].value)} (trial {best[0].number})" if best else "none completed"

    def introduction(self) -> str:
        """What is going to happen, for people."""
        settings, trainer = self.prepared.settings, self.prepared.trainer
        place = f"{trainer.device}, {trainer.precision_name}"
        spaces = ", ".join(self.prepared.family.parameters)
        shown = spaces if len(spaces) < 90 else f"{len(self.prepared.family.parameters)} parameters"
        return "\n".join(
            [
                f"results     {shell_quoted(self.folder.path)}",
                f"family      {settings.family}, preset {settings.preset}: {shown}",
                f"training    {counted(settings.epochs, 'epoch')} of {settings.dataset}, on {place}",
                *data_lines(self.prepared),
                f"trials      {self.trials}, sampled by {settings.sampler}; {_stopping(settings)}",
                *self._notes(),
            ]
        )

    def _notes(self) -> Iterator[str]:
        """Of what the user may have expected otherwise."""
        settings, ended = self.prepared.settings, self.ended()
        trials = counted(self.trials, "trial")
        if settings.delta is not None and settings.burn_in >= self.trials:
            yield f"note        --delta stops nothing: --burn-in is {settings.burn_in}, for {trials}"
        if ended > self.trials:
            yield f"note        {counted(ended, 'trial')} have ended already: --trials is how many in all"

    def result(self, top: int, output_format: str) -> str:
        """What was found, as text."""
        metric = self.prepared.family.metric
        best = best_trials(self.study, top)
        rows = [trial_row(trial, rank, metric) for rank, trial in enumerate(best, 1)]
        summary = summarise_tune(self.study, self.prepared.settings)
        if output_format == "json":
            found = best[0].params if best else None
            facts = {"run": str(self.folder.path), **asdict(summary), "best_parameters": found}
            return as_json({**facts, "top": rows})
        if output_format == "csv":
            return rows_as_text(rows, "csv", {})
        failures = [
            f"{outcome}: {counted(why['trials'], 'trial')}, the first is {why['first']}: {why['message']}"
            for outcome, why in summary.failures.items()
        ]
        ended = f"{summary.completed} completed, {summary.stopped} stopped, {summary.failed} failed"
        trials, epochs = counted(summary.trials, "trial"), counted(summary.epochs, "epoch")
        lines = ["", f"{trials}: {ended}; {epochs}, {_saved(summary)}", *failures, ""]
        return "\n".join([*lines, self._table(rows, metric), "", self._where(best)])

    def _table(self, rows: list[dict[str, Any]], metric: str) -> str:
        tuned = self.prepared.family.parameters
        shown = [
            {
                **row,
                "shown": self._shown(row[metric]),
                "size": count(row.get("num_params")),
                "parameters": ", ".join(f"{name}={row[name]:.4g}" for name in tuned),
            }
            for row in rows
        ]
        measured = in_words(self.prepared.settings.metric) if metric == ACCURACY else metric
        columns = {"rank": "rank", "trial": "trial", "shown": measured, "size": "weights"}
        columns["parameters"] = "parameters"
        return rows_as_text(shown, "table", columns) if rows else "no trial was trained to the end"

    def _where(self, best: list[Any]) -> str:
        folder = self.folder.path
        chosen = f"; the best hyper-parameters are in {shell_quoted(folder / 'best.json')}" if best else ""
        return f"all curves are in {shell_quoted(folder / 'curves.csv')}{chosen}"

    def _shown(self, value: float | None) -> str:
        if self.prepared.family.metric == "accuracy":
            return percent(value)
        return "-" if value is None else f"{value:.4g}"


def data_lines(prepared: PreparedTuning) -> list[str]:
    """How much data there is for what, and what is to be said about it."""
    numbers = ", ".join(f"{number:,} {part}" for part, number in prepared.numbers.items())
    if isinstance(prepared.data, WordDataset):
        unknown = f"{percent(prepared.data.unknown)} of the validation words are <unk>"
        return [f"words       {numbers}; {prepared.data.num_classes:,} different ones, {unknown}"]
    settings = prepared.settings
    mirrored = ", mirrored" if settings.mirror else ""
    moved = f", shifted by up to {settings.translate} px" if settings.translate else ""
    measured = "" if settings.metric == ACCURACY else f"; {in_words(settings.metric)} is measured"
    notes = (f"note        {printable(note, keep='')}" for note in prepared.data.notes)
    return [f"images      {numbers}{mirrored}{moved}{measured}", *notes]


def _asked(
    namespace: argparse.Namespace, given: Mapping[str, Any], place: Environment
) -> tuple[Asked, TuneSettings]:
    """What is asked for where nothing is resumed, and the settings that come of it. Raises as `of_search`."""
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
    """The same for the same family, data and seed: Hyperband's brackets follow from it."""
    return f"{_short(settings)} on {Path(settings.dataset).name}, seed {settings.seed}"


def _short(settings: TuneSettings) -> str:
    return "network" if "(" in settings.family else settings.family


def _check_data(study: Study, prepared: PreparedTuning) -> None:
    """Refuse other data than those that the tuning began with."""
    known = study.user_attrs.get(FINGERPRINT)
    if known is None:
        study.set_user_attr(FINGERPRINT, prepared.data.fingerprint)
    elif known != prepared.data.fingerprint:
        raise TuneError(
            f"data set {prepared.settings.dataset!r} is not the one this tuning began with: "
            f"its fingerprint is {prepared.data.fingerprint[:12]}, it was {known[:12]}"
        )


def _saved(summary: TuneSummary) -> str:
    """By how much the stopping has reduced the epochs."""
    if summary.full_epochs == summary.epochs:
        return "none saved"
    return f"{summary.full_epochs / summary.epochs:.2f} times fewer than {summary.full_epochs:,}"


def _stopping(settings: TuneSettings) -> str:
    if settings.hyperband:
        rungs = f"Hyperband, eta {settings.eta}, from {counted(settings.min_epochs, 'epoch')}"
        if settings.delta is None:
            return rungs
        return f"{rungs}, accelerated: Delta {settings.delta:g} once {settings.burn_in} reached a rung"
    if settings.delta is not None:
        return f"the published criterion, Delta {settings.delta:g} after {settings.burn_in} trials"
    return f"stopping rule {settings.stopping or OWN_RULE}"
