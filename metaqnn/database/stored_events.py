"""What a resumed search reads from its replay database."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import nan
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, Row, RowMapping, Select, case, func, select

from metaqnn.database.schema import decisions, epochs, networks, samples, searches, trainings
from metaqnn.database.transactions import run_transaction

if TYPE_CHECKING:  # readers of a database need not wait for torch and scikit-learn
    from predictor import Decision
    from trainers import EpochReport


P = ParamSpec("P")
S = TypeVar("S", bound="StoredEvents")
T = TypeVar("T")


def transaction(method: Callable[Concatenate[S, Connection, P], T]) -> Callable[Concatenate[S, P], T]:
    """Run a method in a transaction of its own, with `run_transaction`, and give it the connection."""

    @wraps(method)
    def run(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_transaction(self.engine, lambda connection: method(self, connection, *args, **kwargs))

    del run.__wrapped__  # callers do not give the connection
    return run


class StoredEvents:
    """The events of one search, read in transactions of its writer.

    Args:
        engine: that of its database.
        search_id: which search of the database.
    """

    def __init__(self, engine: Engine, search_id: int) -> None:
        self.engine = engine
        self.search_id = search_id

    @transaction
    def stored_networks(self, connection: Connection) -> list[Row[Any]]:
        """All networks in order of proposal."""
        query = select(networks).where(networks.c.search_id == self.search_id).order_by(networks.c.number)
        return list(connection.execute(query))

    @transaction
    def stored_samples(self, connection: Connection) -> list[Row[Any]]:
        """All samples (proposal, network_id, position) in order of proposal."""
        query = select(samples.c.proposal, samples.c.network_id, samples.c.position)
        query = query.where(samples.c.search_id == self.search_id).order_by(samples.c.proposal)
        return list(connection.execute(query))

    @transaction
    def curves(self, connection: Connection) -> dict[int, tuple[float, list[float]]]:
        """Network id -> (learning rate, accuracies) of completed and stopped ones, in order of finishing."""
        query = (
            select(networks.c.id, trainings.c.learning_rate, epochs.c.accuracy)
            .join(trainings, trainings.c.network_id == networks.c.id)
            .join(epochs, epochs.c.training_id == trainings.c.id)
            .where(networks.c.search_id == self.search_id, trainings.c.purpose == "search")
            .where(
                trainings.c.attempt == networks.c.attempt, networks.c.outcome.in_(("completed", "stopped"))
            )
            .order_by(networks.c.finished_position, epochs.c.epoch)
        )
        found: dict[int, tuple[float, list[float]]] = {}
        for network_id, learning_rate, accuracy in connection.execute(query):
            found.setdefault(network_id, (learning_rate, []))[1].append(accuracy)
        return found

    @transaction
    def stored_epochs(
        self, connection: Connection, network_id: int
    ) -> list[tuple[EpochReport, Decision | None]]:
        """The epochs of a network's training in the search, and the rule's decision after each, in order."""
        same = (decisions.c.training_id == epochs.c.training_id) & (decisions.c.epoch == epochs.c.epoch)
        query = (
            select(trainings.c.attempt, trainings.c.learning_rate, epochs, decisions)
            .select_from(trainings.join(epochs).outerjoin(decisions, same))
            .where(trainings.c.network_id == network_id, trainings.c.purpose == "search")
            .order_by(trainings.c.attempt, epochs.c.epoch)
        )
        return [(_report(row), _decision(row)) for row in connection.execute(query).mappings()]

    @transaction
    def trained_to_end(self, connection: Connection, purpose: str) -> set[int]:
        """Ids of the networks that have a training for that purpose with all T epochs, or that diverged."""
        return {row.network_id for row in connection.execute(trained_to_end(self.search_id, purpose))}


def trained_to_end(search_id: int, purpose: str) -> Select[tuple[int, float | None]]:
    """network_id and accuracy (y_T) of the trainings for that purpose that have come to their end.

    They have all T epochs, or they diverged earlier: then the loss of their last epoch, which is not their
    first, is not a number, and the accuracy is None.
    """
    diverged = epochs.c.loss.is_(None) & (epochs.c.epoch > 1)
    return (
        select(trainings.c.network_id, case((diverged, None), else_=epochs.c.accuracy).label("accuracy"))
        .join(epochs, epochs.c.training_id == trainings.c.id)
        .join(networks, networks.c.id == trainings.c.network_id)
        .join(searches, searches.c.id == networks.c.search_id)
        .where(searches.c.id == search_id, trainings.c.purpose == purpose)
        .where((epochs.c.epoch == searches.c.epochs) | diverged)
    )


def seconds_per_epoch(search_id: int) -> Select[tuple[int, float]]:
    """number and mean seconds of an epoch of each stopped network."""
    return (
        select(networks.c.number, func.avg(epochs.c.seconds).label("seconds"))
        .join(trainings, trainings.c.network_id == networks.c.id)
        .join(epochs, epochs.c.training_id == trainings.c.id)
        .where(networks.c.search_id == search_id, networks.c.outcome == "stopped")
        .where(trainings.c.purpose == "search")
        .group_by(networks.c.number)
    )


def _report(row: RowMapping) -> EpochReport:
    """An epoch, as `ReplayDatabase.add_epoch` stored it."""
    from trainers import EpochReport

    loss = row[epochs.c.loss]
    return EpochReport(
        row["attempt"],
        row["learning_rate"],
        row[epochs.c.epoch],
        row["accuracy"],
        nan if loss is None else loss,
        row["seconds"],
    )


def _decision(row: RowMapping) -> Decision | None:
    """The decision, as `ReplayDatabase.add_epoch` stored it; None if the rule was not asked."""
    from predictor import Decision

    if row[decisions.c.stop] is None:
        return None
    return Decision(
        stop=row["stop"],
        reason=row["reason"],
        probability=row["probability"],
        y_hat_T=row["predicted_accuracy"],
        sigma=row["sigma"],
        y_best=row["best_accuracy"],
    )
