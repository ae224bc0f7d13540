"""The tables as CSV, with every value exactly as it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Table
from starlette.requests import Request
from starlette.responses import Response

from metaqnn.dashboard.overlay import chosen_networks
from metaqnn.dashboard.runs import RunState, network_number
from metaqnn.dashboard.snapshots import Answers
from metaqnn.dashboard.table import TableQuery
from metaqnn.database.queries import OF_THE_DATABASE
from metaqnn.database.schema import decisions, epochs, networks
from metaqnn.output import rows_as_text
from metaqnn.results.long_trained import ERROR_COLUMNS, in_columns, long_trained
from metaqnn.results.summary import EpsilonRow, summarise
from metaqnn.session.notes import read_notes


def _of(*tables: Table) -> list[str]:
    """The columns of tables, once each, as `SearchReader` gives them."""
    names = dict.fromkeys(column.name for table in tables for column in table.c)
    return [name for name in names if name not in OF_THE_DATABASE]


STATE = "state", "dataset", "data_fingerprint", "stopping", "best_network"
NUMBERS = (
    "networks", "planned", "completed", "stopped", "failed", "epochs", "full_epochs", "seconds", "metric",
    "best_accuracy", "best_accuracy_low", "best_accuracy_high", "validation_images",
)  # fmt: skip
"""Columns of the file of all runs, from `RunState`, and from its summary."""
RUN = "run", *STATE, *NUMBERS
NETWORK = *_of(networks), "note"
EPOCH = "purpose", "attempt", *_of(epochs, decisions)
EPSILON = tuple(one.name for one in fields(EpsilonRow))
LONG_TRAINING = "network", "recipe", "seed", *ERROR_COLUMNS
"""Columns of the files; a file without rows has them, too."""


class Downloads(Answers):
    """Answers with files for spreadsheets and programs."""

    def runs(self, _request: Request) -> Response:
        """The numbers of each run, or why it cannot be read."""
        states = {address: self._snapshots.state_or_trouble(run) for address, run in self._runs.items()}
        return _file("runs", [_of_run(address, state) for address, state in states.items()], RUN)

    def networks(self, request: Request) -> Response:
        """All networks that pass the table's filters, in its order, from all of its pages."""
        run, query = self._run_of(request), TableQuery.parse(request.query_params)
        with run.reading() as reader:
            rows, _ = reader.networks(*query.conditions(), order_by=query.ordering())
            notes = read_notes(run.path)
        noted = [{**row, "note": notes.get(row["number"])} for row in rows]
        return _file(f"{run.address}-networks", noted, NETWORK)

    def epochs(self, request: Request) -> Response:
        """Every epoch of a network, with the decision after it."""
        run, number = self._run_of(request), network_number(request)
        with run.reading() as reader:
            rows = _epochs(reader.network(number))
        return _file(f"{run.address}-network-{number}", rows, EPOCH)

    def curves(self, request: Request) -> Response:
        """Every epoch of the chosen networks."""
        run, numbers = self._run_of(request), chosen_networks(request.query_params)
        with run.reading() as reader:
            rows = [{"network": n, **epoch} for n in numbers for epoch in _epochs(reader.network(n))]
        return _file(f"{run.address}-curves", rows, ("network", *EPOCH))

    def epsilons(self, request: Request) -> Response:
        """The numbers at each epsilon."""
        run = self._run_of(request)
        with run.reading() as reader:
            rows = [vars(row) for row in summarise(reader).by_epsilon]
        return _file(f"{run.address}-epsilons", rows, EPSILON)

    def finetuned(self, request: Request) -> Response:
        """The test error of every long training."""
        run = self._run_of(request)
        with run.reading() as reader:
            trained, _ = long_trained(run.path, architectures=reader.architectures())
        rows = [
            {"network": one.number, "recipe": one.recipe, "seed": seed, **in_columns(test)}
            for one in trained
            for seed, test in zip(one.seeds, one.tests, strict=True)
        ]
        return _file(f"{run.address}-long-trainings", rows, LONG_TRAINING)


def _epochs(network: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"purpose": training["purpose"], "attempt": training["attempt"], **epoch}
        for training in network["trainings"]
        for epoch in training["epochs"]
    ]


def _of_run(address: str, state: RunState | str) -> dict[str, Any]:
    known: dict[str, Any] = {**dict.fromkeys(RUN), "run": address}
    if isinstance(state, str):
        return {**known, "state": state}
    of_state = {name: getattr(state, name) for name in STATE}
    return {**known, **of_state, **{name: getattr(state.summary, name) for name in NUMBERS}}


def _file(name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Response:
    """A download; its name has only characters that are allowed in addresses."""
    text = rows_as_text(rows, "csv", {}, keys=columns) + "\n"
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.encode(errors="backslashreplace"), media_type="text/csv", headers=headers)
