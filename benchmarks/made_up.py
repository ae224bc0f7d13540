"""Searches of any length, whose networks are made up and written straight into the database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert

from metaqnn.config.search import SearchConfig
from metaqnn.database import ReplayDatabase, SearchRecord
from metaqnn.database.engine import writing_engine
from metaqnn.database.schema import decisions, epochs, networks, samples, trainings
from metaqnn.session.run_folder import RunFolder
from state_space import Architecture, preset

SPACE = preset("cifar10")


@dataclass(frozen=True)
class MadeUp:
    """A network that has ended: `completed`, `stopped`, or no better than `chance`."""

    architecture: Architecture
    epsilon: float
    outcome: str
    curve: list[float]


def store(path: Path, config: SearchConfig, found: Iterable[MadeUp]) -> RunFolder:
    """The search of these networks, in a new run folder."""
    folder = RunFolder(path)
    folder.path.mkdir(parents=True)
    record = SearchRecord(config, SPACE.input_shape, SPACE.num_classes, "0" * 64, {}, {})
    ReplayDatabase.create(folder.url, record).close()
    rows: dict[Table, list[dict[str, Any]]] = {}
    for number, network in enumerate(found, start=1):
        for table, row in _rows(number, network, config.epochs):
            rows.setdefault(table, []).append(row)
    with writing_engine(folder.url).begin() as connection:
        for table in (networks, samples, trainings, epochs, decisions):
            connection.execute(insert(table), rows[table])
    return folder


def _rows(number: int, network: MadeUp, T: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """All that is stored about a network; its number is also its id, as the database is new."""
    epsilon, outcome, curve = network.epsilon, network.outcome, network.curve
    sample = {"search_id": 1, "proposal": number - 1, "network_id": number, "position": number - 1}
    training = {"id": number, "network_id": number, "purpose": "search", "attempt": 1, "learning_rate": 1e-3}
    yield networks, _network(number, network)
    yield samples, {**sample, "epsilon": epsilon}
    yield trainings, training
    for epoch, accuracy in enumerate(curve, start=1):
        at = {"training_id": number, "epoch": epoch}
        yield epochs, {**at, "accuracy": accuracy, "loss": 1.0, "seconds": 3.0}
        if epoch < T:
            stop = outcome == "stopped" and epoch == len(curve)
            forecast = {"predicted_accuracy": accuracy + 0.02, "sigma": 0.02, "probability": 0.9}
            yield decisions, {**at, **forecast, "stop": stop, "reason": "made up", "best_accuracy": 0.8}


def _network(number: int, network: MadeUp) -> dict[str, Any]:
    architecture, outcome, last = network.architecture, network.outcome, network.curve[-1]
    final = last if outcome == "completed" else None
    forecast = last + 0.02 if outcome == "stopped" else None
    return {
        "id": number,
        "search_id": 1,
        "number": number,
        "architecture": str(architecture),
        "epsilon": network.epsilon,
        "num_params": architecture.num_params,
        "depth": architecture.depth,
        "parameters": architecture.parameters(SPACE.input_shape),
        "macs": architecture.macs(SPACE.input_shape),
        "proposed_at": 1.7e9 + 60 * (number - 1),
        "finished_at": 1.7e9 + 60 * number,
        "finished_position": number,
        "outcome": outcome,
        "message": outcome,
        "attempt": 1,
        "epochs": len(network.curve),
        "epochs_trained": len(network.curve),
        "seconds": 60.0,
        "last_accuracy": last,
        "final_accuracy": final,
        "predicted_accuracy": forecast,
        "reward": final or forecast or 0.1,
    }
