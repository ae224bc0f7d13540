"""Trainings in files of their own (Keras, Ray, Lightning, TensorBoard), and exports of one column per run.

A folder is searched for TensorBoard's event files, `progress.csv`, `result.json` (Ray), `metrics.csv`
(Lightning), `scalars.json` (MMEngine), `training.log` (Keras), or Sacred's `metrics.json` alone; in a folder
with none of these, each `.csv` or `.json` is a training, and if there are none, each `.log`. Everything
becomes one long table with the column `run`, which `predictor.curves.long` reads.
"""

from __future__ import annotations

import csv
import glob
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from predictor.curves.by_column import exported, is_export
from predictor.curves.cells import known_numbers
from predictor.curves.choice import Wishes
from predictor.curves.columns import curves_among, groups_of
from predictor.curves.json_text import flat, is_cut_off
from predictor.curves.learning_curves import LearningCurves
from predictor.curves.long import read_long
from predictor.curves.metrics import plain
from predictor.curves.partition import blocks_of, epoch_columns, with_epochs
from predictor.curves.parts import by_training, latest, of_one_suffix, suffix
from predictor.curves.shape import is_long
from predictor.curves.spread import spread
from predictor.curves.tables import TEXT_SUFFIXES, delimiter_of, ends_within, read_table
from predictor.curves.wide import ask_about_numbers, numbered, rows_hint
from predictor.curves.wording import describe, listed
from predictor.curves.words import RUN, RUN_NAMES
from predictor.errors import CurvesError
from predictor.extras import require

NAMED = ("progress.csv", "result.json", "metrics.csv", "trainer_state.json", "scalars.json", "training.log")
SACRED = {"run.json", "config.json", "metrics.json", "info.json", "cout.txt"}
"""What Sacred writes into the folder of a run."""
EVENTS = "events.out.tfevents"
SCALARS = "scalars"
"""TensorBoard's name of the plugin that shows curves."""
OF_NO_TRAINING = re.compile(r"(params|config|hparams|args|settings|summary|meta.*|experiment_state.*)\.\w+")
TENSORBOARD_CSV = {"Wall time", "Step", "Value"}
TENSORBOARD_NAME = re.compile(r"(?:run-)?(?P<run>.*?)-tag-(?P<tag>.*)")
SETTING = re.compile(r"^(?P<name>\w+):\s*(?P<value>[-+\d.eE]+)\s*$", re.MULTILINE)


def files_of(path: str) -> tuple[list[Path], list[str]]:
    """The files of trainings in a folder, or those that match a pattern, and remarks on what is left out."""
    folder = Path(path)
    if not folder.is_dir():
        return [Path(found) for found in sorted(glob.glob(path, recursive=True)) if Path(found).is_file()], []
    files, remarks = _files_in(folder)
    lacking = {file: "" if EVENTS in file.name else _lack_of_rows(file) for file in files}
    begun = [file for file, lack in lacking.items() if not lack]
    if not begun:
        return files, remarks
    for reason in dict.fromkeys(filter(None, lacking.values())):
        without = [str(file.relative_to(folder)) for file, lack in lacking.items() if lack == reason]
        remarks = [*remarks, f"left out: {listed(without)} ({reason})"]
    return begun, remarks


def _lack_of_rows(file: Path) -> str:
    """What a training that was killed at once leaves: a header, or a part of a first line; '' for more."""
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        first, *rows = [*islice(filter(str.strip, stream), 3)] or [""]
    if first.lstrip()[:1] in ("{", "["):
        if first.strip() == "{}":  # of Sacred
            return "without a row"
        return "cut off in the first line" if not rows and is_cut_off(first) else ""
    if len(rows) > 1 or "\ufffd" in first:  # of gzip
        return ""
    if not rows:
        return "without a row"
    with suppress(csv.Error):  # whoever reads the file refuses it
        cells = list(csv.reader([first, *rows], delimiter=delimiter_of(first)))
        if len(cells) > 1 and ends_within(cells, rows[0]):
            return "cut off in the first row"
    return ""


def _files_in(folder: Path) -> tuple[list[Path], list[str]]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if any(EVENTS in file.name for file in files):
        return [file for file in files if EVENTS in file.name], []
    for name in NAMED:
        if found := [file for file in files if file.name.removesuffix(".gz") == name]:
            return found, []
    tables = [file for file in files if suffix(file) in TEXT_SUFFIXES]
    described = {file.parent for file in files if file.name == "run.json"}
    if tables and all(file.name in SACRED and file.parent in described for file in tables):
        return [file for file in tables if file.name == "metrics.json"], []
    tables = tables or [file for file in files if suffix(file) == ".log"]
    return of_one_suffix([file for file in tables if not OF_NO_TRAINING.fullmatch(file.name)] or tables)


def read_runs(files: Sequence[Path], wishes: Wishes, said: Sequence[str] = ()) -> LearningCurves:
    """One training per file; raises `CurvesError`, which names a file that holds none.

    Args:
        files: of the trainings.
        wishes: of the caller.
        said: clauses about the files, to be added to what is understood.
    """
    if all(EVENTS in file.name for file in files):
        table, remarks = by_training(_from_events(sorted({file.parent for file in files})))
        table[RUN] = table[RUN].str.removesuffix("/events")
        return read_long(table, wishes, RUN, [*said, *remarks])
    last, earlier = latest(files)
    names = _names(last)
    tables, unfinished = [], []
    for file, name in zip(last, names, strict=True):
        try:
            table, cut_off = read_table(file)
            tables.append(run_table(table, file, name, wishes.curve))
        except CurvesError as error:
            raise CurvesError(f"{file} of {len(files)} files, one for each training: {error}") from None
        unfinished += [name] * cut_off
    table, remarks = by_training(pd.concat(tables, ignore_index=True).fillna(""))
    several = [name for name, one in zip(names, tables, strict=True) if _are_numbered(one[RUN], name)]
    if several:
        remarks = [*remarks, f"several trainings in {listed(several)}, where the epochs begin anew"]
    if unfinished:
        remarks = [*remarks, f"left out: the last line of {listed(unfinished)} (cut off)"]
    return read_long(table, wishes, RUN, [*said, *earlier, *remarks])


def _are_numbered(runs: pd.Series, name: str) -> bool:
    """Whether the trainings of a file are told apart by their order alone."""
    found = list(dict.fromkeys(runs))
    return len(found) > 1 and found == [f"{name} {number}" for number in range(1, len(found) + 1)]


def run_table(table: pd.DataFrame, file: Path, name: str, wanted: str | None) -> pd.DataFrame:
    """The long table of one training's file, with the column `run` and what is known beside the file.

    Args:
        table: of the file.
        file: of one training.
        name: of the training, if the file has none.
        wanted: the curve that was asked for, if any.
    """
    if set(table.columns) == TENSORBOARD_CSV:
        tag = TENSORBOARD_NAME.fullmatch(file.stem)
        metric = tag["tag"] if tag else "value"
        return _long(table.rename(columns={"Value": metric, "Step": "step"}), tag["run"] if tag else name)
    if is_export(table):
        return exported(table)
    if is_long(table, wanted):
        return _long(spread(with_epochs(table)), name).assign(**_settings(file, table.columns))
    every = groups_of(list(table.columns))
    groups = curves_among(every, wanted)
    if not groups or len(table) > 1:
        ask_about_numbers(every)
        if len(table) > 1 and not epoch_columns(table):
            raise CurvesError(
                "no column numbers the epochs; number the rows in a column epoch"
                f"{rows_hint(every, table)}; found {describe(table)}"
            )
        raise CurvesError(f"expected the epochs of one training, with their metrics; found {describe(table)}")
    at = [numbered(group, every, table, least=1)[0].columns for group in groups]
    return _long(_upright(table, groups, at), name)


def _long(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Add the column `run`; several trainings in a file, with names or each complete, are kept apart."""
    own = [column for column in table.columns if plain(column) in RUN_NAMES and table[column].nunique() > 1]
    epochs = epoch_columns(table)
    if own and epochs and table[epochs[0]].duplicated().any():
        return table.assign(**{RUN: name + " " + table[own[0]]})
    if epochs and _are_whole(table, blocks := blocks_of(table[epochs[0]]), epochs[0]):
        return table.assign(**{RUN: [f"{name} {int(block) + 1}" for block in blocks]})
    return table.assign(**{RUN: name})


def _are_whole(table: pd.DataFrame, blocks: Sequence[str], epoch: str) -> bool:
    """Whether these are trainings one after the other, and not one that was resumed or begun again.

    All begin at the same epoch and log the same; a training after one that was broken off would be longer.
    """
    trainings = [rows for _, rows in table.groupby(list(blocks), sort=False)]
    starts = {float(known_numbers(rows[epoch].iloc[:1])[0]) for rows in trainings}
    logged = {tuple((rows != "").any()) for rows in trainings}
    lengths = [len(rows) for rows in trainings]
    longer = any(later > earlier for earlier, later in pairwise(lengths))
    return len(lengths) > 1 < min(lengths) and len(starts) == len(logged) == 1 and not longer


def _upright(table: pd.DataFrame, groups: Sequence[Any], at: Sequence[Iterable[int]]) -> pd.DataFrame:
    """Turn one row with columns for epochs, at these numbers, into a table with a row per epoch."""
    by_epoch = {
        group.name: dict(zip(epochs, table[list(group.columns.values())].iloc[0], strict=True))
        for group, epochs in zip(groups, at, strict=True)
    }
    epochs = sorted({number for values in by_epoch.values() for number in values})
    of_curves = {column for group in groups for column in group.columns.values()}
    upright = pd.DataFrame({"epoch": [str(epoch) for epoch in epochs]}, dtype=object)
    for name, values in by_epoch.items():
        upright[name] = [values.get(epoch, "") for epoch in epochs]
    return upright.assign(**{c: table[c].iloc[0] for c in table.columns if c not in of_curves})


def _names(files: Sequence[Path]) -> list[str]:
    """What tells the files apart: the folder's name, the file's, or the whole path."""
    for name in (lambda file: file.parent.name, lambda file: file.stem, str):
        names = [name(file) for file in files]
        if len(set(names)) == len(names) and all(names):
            return names
    raise CurvesError(f"the same file twice: {listed([str(file) for file in files])}")


def _settings(file: Path, known: Iterable[str]) -> dict[str, str]:
    """What Ray (`params.json`) and Lightning (`hparams.yaml`) write beside the curve, numbers alone."""
    if any(column.startswith("config/") for column in known):
        return {}
    found: Mapping[str, Any] = {}
    try:
        if (params := file.with_name("params.json")).is_file():
            found = dict(flat(json.loads(params.read_text("utf-8"))))
        elif (params := file.with_name("hparams.yaml")).is_file():
            found = {m["name"]: m["value"] for m in SETTING.finditer(params.read_text("utf-8"))}
        pairs = found.items()
    except (ValueError, AttributeError, OSError, RecursionError) as error:
        raise CurvesError(f"{params.name} beside it cannot be read: {error}") from None
    return {f"config/{name}": str(value) for name, value in pairs if isinstance(value, int | float | str)}


def _from_events(folders: Sequence[Path]) -> pd.DataFrame:
    require("tensorboard", "reading event files")
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    names = _names([folder / "events" for folder in folders])
    rows: list[dict[str, str]] = []
    for folder, name in zip(folders, names, strict=True):
        known = {RUN: name, **_settings(folder / EVENTS, ())}
        events = EventAccumulator(str(folder), tensor_size_guidance={SCALARS: 0})  # TensorFlow writes tensors
        events.Reload()
        for tag in events.PluginTagToContent(SCALARS) if SCALARS in events.ActivePlugins() else ():
            rows += [
                {**known, "step": str(event.step), tag: repr(make_ndarray(event.tensor_proto).item())}
                for event in events.Tensors(tag)
            ]
    if not rows:
        raise CurvesError("no scalars in these TensorBoard event files")
    return pd.DataFrame(rows, dtype=object).fillna("")
