"""The replay database of one search: every event of the search is one transaction here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import URL, Connection, CursorResult, Engine, Row, func, insert, select, update
from sqlalchemy.engine import make_url

from metaqnn.config import SearchConfig
from metaqnn.database.engine import writing_engine
from metaqnn.database.migrate import NoSearchError, check_version, current_version, refused, upgrade
from metaqnn.database.schema import decisions, epochs, networks, samples, searches, trainings
from metaqnn.interrupts import uninterrupted

if TYPE_CHECKING:  # readers of a database should not wait for torch and scikit-learn
    from predictor import Decision
    from trainers import EpochReport


@dataclass(frozen=True)
class SearchRecord:
    """What a search was started with.

    Attributes:
        config: its configuration.
        input_shape: (channels, height, width) of the images.
        num_classes: number of classes.
        data_fingerprint: hash of the images and labels.
        versions: of the libraries, by name.
        circumstances: what may differ when the search goes on elsewhere: data folder, device and so on.
    """

    config: SearchConfig
    input_shape: tuple[int, int, int]
    num_classes: int
    data_fingerprint: str
    versions: Mapping[str, str]
    circumstances: Mapping[str, Any]


@dataclass(frozen=True)
class NetworkResult:
    """How the training of a network ended, and the reward it gives.

    `final_accuracy` (y_T) is observed, `predicted_accuracy` (y_hat_T) is not; at most one of them is set.
    """

    outcome: str
    reward: float
    attempt: int | None = None
    epochs: int | None = None
    last_accuracy: float | None = None
    final_accuracy: float | None = None
    predicted_accuracy: float | None = None
    seconds: float | None = None
    message: str | None = None


class ReplayDatabase:
    """Writes, and reads back, the events of one search. One writer at a time.

    Every method is one transaction; after a crash the database holds each event wholly or not at all.
    """

    def __init__(self, engine: Engine, search_id: int) -> None:
        self._engine = engine
        self._search_id = search_id
        self._clock = time.monotonic()

    @classmethod
    def create(cls, url: str | URL, record: SearchRecord) -> Self:
        """Start a new search in the database at `url`, which is made if there is none."""
        engine = writing_engine(url)
        upgrade(engine, file=_file(engine))
        channels, image_size, _ = record.input_shape
        with _writing(engine) as connection:
            statement = insert(searches).values(
                config=record.config.to_dict(),
                epochs=record.config.epochs,
                num_classes=record.num_classes,
                channels=channels,
                image_size=image_size,
                data_fingerprint=record.data_fingerprint,
                versions=dict(record.versions),
                circumstances=dict(record.circumstances),
                created_at=time.time(),
            )
            return cls(engine, _key(connection.execute(statement)))

    @classmethod
    def open(cls, url: str | URL, search_id: int | None = None) -> Self:
        """Go on with a stored search (the newest one if no id is given).

        Raises:
            SchemaError: the database holds no search, or was written by a newer version.
        """
        where = str(make_url(url).database)
        engine = writing_engine(url)
        with refused(where), engine.begin() as connection:
            if current_version(connection) is None:
                check_version(connection, where)  # says what it is, and changes nothing in it
        upgrade(engine, file=_file(engine))
        with engine.begin() as connection:
            found = search_id or connection.execute(select(func.max(searches.c.id))).scalar()
        if found is None:
            raise NoSearchError(f"{where} holds no search")
        return cls(engine, found)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def record(self) -> SearchRecord:
        """What the search was started with."""
        with self._engine.begin() as connection:
            row = connection.execute(select(searches).where(searches.c.id == self._search_id)).one()
        shape = (row.channels, row.image_size, row.image_size)
        config = SearchConfig.from_dict(row.config)
        return SearchRecord(
            config, shape, row.num_classes, row.data_fingerprint, row.versions, row.circumstances
        )

    def set_circumstances(self, circumstances: Mapping[str, Any]) -> None:
        """Remember where the search goes on, for the next time."""
        statement = update(searches).where(searches.c.id == self._search_id)
        with _writing(self._engine) as connection:
            connection.execute(statement.values(circumstances=dict(circumstances)))

    # events

    def propose(self, proposal: int, epsilon: float, network: Mapping[str, Any]) -> int:
        """A walk found a new network (columns `number`, `architecture` and counts). Returns its id."""
        with _writing(self._engine) as connection:
            statement = insert(networks).values(
                search_id=self._search_id, epsilon=epsilon, proposed_at=time.time(), **network
            )
            network_id = _key(connection.execute(statement))
            self._add_sample(connection, proposal, epsilon, network_id, None)
            return network_id

    def repeat(self, proposal: int, epsilon: float, network_id: int, position: int | None) -> None:
        """A walk found a known network: one more sample, at `position` of the memory if it has ended."""
        with _writing(self._engine) as connection:
            self._add_sample(connection, proposal, epsilon, network_id, position)

    def add_epoch(
        self,
        network_id: int,
        report: EpochReport,
        decision: Decision | None = None,
        *,
        purpose: str = "search",
    ) -> None:
        """One more epoch of a training, with what the stopping rule said about it."""
        with _writing(self._engine) as connection:
            training = self._training(connection, network_id, purpose, report)
            loss = report.loss if isfinite(report.loss) else None  # JSON has no infinity
            values = {"accuracy": report.accuracy, "loss": loss, "seconds": report.seconds}
            connection.execute(insert(epochs).values(training_id=training, epoch=report.epoch, **values))
            if decision is not None:
                statement = insert(decisions).values(
                    training_id=training, epoch=report.epoch, **_columns(decision)
                )
                connection.execute(statement)

    def finish(
        self, network_id: int, result: NetworkResult, finished: int, positions: Mapping[int, int]
    ) -> None:
        """A training ended as the `finished`-th; `positions`: its waiting proposals and their places."""
        with _writing(self._engine) as connection:
            values = {**vars(result), "epochs_trained": self._epochs_trained(connection, network_id)}
            connection.execute(
                update(networks)
                .where(networks.c.id == network_id)
                .values(finished_position=finished, finished_at=time.time(), **values)
            )
            for proposal, position in positions.items():
                own = (samples.c.search_id == self._search_id) & (samples.c.proposal == proposal)
                connection.execute(update(samples).where(own).values(position=position))
            self._add_wall_time(connection)

    def forget_training(self, network_id: int, *, purpose: str = "search") -> None:
        """Drop the epochs of a training that was interrupted, before it starts again."""
        with _writing(self._engine) as connection:
            connection.execute(
                trainings.delete().where(
                    (trainings.c.network_id == network_id) & (trainings.c.purpose == purpose)
                )
            )

    # reading back

    def networks(self) -> list[Row[Any]]:
        """All networks in order of proposal."""
        query = select(networks).where(networks.c.search_id == self._search_id).order_by(networks.c.number)
        with self._engine.begin() as connection:
            return list(connection.execute(query))

    def samples(self) -> list[Row[Any]]:
        """All samples (proposal, network_id, position) in order of proposal."""
        query = select(samples.c.proposal, samples.c.network_id, samples.c.position)
        query = query.where(samples.c.search_id == self._search_id).order_by(samples.c.proposal)
        with self._engine.begin() as connection:
            return list(connection.execute(query))

    def curves(self) -> dict[int, tuple[float, list[float]]]:
        """Network id -> (learning rate, accuracies) of completed and stopped ones, in order of finishing."""
        query = (
            select(networks.c.id, trainings.c.learning_rate, epochs.c.accuracy)
            .join(trainings, trainings.c.network_id == networks.c.id)
            .join(epochs, epochs.c.training_id == trainings.c.id)
            .where(networks.c.search_id == self._search_id, trainings.c.purpose == "search")
            .where(
                trainings.c.attempt == networks.c.attempt, networks.c.outcome.in_(("completed", "stopped"))
            )
            .order_by(networks.c.finished_position, epochs.c.epoch)
        )
        found: dict[int, tuple[float, list[float]]] = {}
        with self._engine.begin() as connection:
            for network_id, learning_rate, accuracy in connection.execute(query):
                found.setdefault(network_id, (learning_rate, []))[1].append(accuracy)
        return found

    def trained_to_end(self, purpose: str) -> set[int]:
        """Ids of the networks that have a training of that purpose with all T epochs."""
        query = (
            select(trainings.c.network_id)
            .join(epochs, epochs.c.training_id == trainings.c.id)
            .join(networks, networks.c.id == trainings.c.network_id)
            .join(searches, searches.c.id == networks.c.search_id)
            .where(searches.c.id == self._search_id, trainings.c.purpose == purpose)
            .where(epochs.c.epoch == searches.c.epochs)
        )
        with self._engine.begin() as connection:
            return set(connection.execute(query).scalars())

    def _add_sample(
        self, connection: Connection, proposal: int, epsilon: float, network_id: int, position: int | None
    ) -> None:
        values = {"proposal": proposal, "epsilon": epsilon, "network_id": network_id, "position": position}
        connection.execute(insert(samples).values(search_id=self._search_id, **values))

    def _training(self, connection: Connection, network_id: int, purpose: str, report: EpochReport) -> int:
        address = {"network_id": network_id, "purpose": purpose, "attempt": report.attempt}
        query = select(trainings.c.id).filter_by(**address)
        training: int | None = connection.execute(query).scalar()
        if training is None:
            statement = insert(trainings).values(learning_rate=report.learning_rate, **address)
            training = _key(connection.execute(statement))
        return training

    def _epochs_trained(self, connection: Connection, network_id: int) -> int:
        query = select(func.count()).select_from(
            epochs.join(trainings, epochs.c.training_id == trainings.c.id)
        )
        query = query.where(trainings.c.network_id == network_id, trainings.c.purpose == "search")
        return connection.execute(query).scalar_one()

    def _add_wall_time(self, connection: Connection) -> None:
        now = time.monotonic()
        passed, self._clock = now - self._clock, now
        statement = update(searches).where(searches.c.id == self._search_id)
        connection.execute(statement.values(seconds=searches.c.seconds + passed))


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with uninterrupted(), engine.begin() as connection:
        yield connection


def _file(engine: Engine) -> Path | None:
    database = engine.url.database
    is_file = engine.dialect.name == "sqlite" and database not in (None, "", ":memory:")
    return Path(str(database)) if is_file else None


def _key(result: CursorResult[Any]) -> int:
    assert result.inserted_primary_key is not None
    key: int = result.inserted_primary_key[0]
    return key


def _columns(decision: Decision) -> dict[str, Any]:
    return {
        "stop": decision.stop,
        "reason": decision.reason,
        "predicted_accuracy": decision.y_hat_T,
        "sigma": decision.sigma,
        "probability": decision.probability,
        "best_accuracy": decision.y_best,
    }
