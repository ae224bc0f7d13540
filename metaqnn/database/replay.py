"""The replay database of one search: every event of the search is stored in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import URL, Connection, Engine, func, insert, select, text, update

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.stored import EXTENDED
from metaqnn.database.engine import closed_on_failure, name_of, writing_engine
from metaqnn.database.migrate import check_upgradable, find_search, upgrade
from metaqnn.database.ownership import Owner
from metaqnn.database.pending import (
    DECISION,
    EPOCH,
    NETWORK,
    POSITION,
    RESULT,
    SAMPLE,
    SECONDS,
    TRAINING,
    Event,
    Row,
    write,
)
from metaqnn.database.records import NetworkResult, SearchRecord
from metaqnn.database.schema import networks, searches, trainings
from metaqnn.database.stored_events import StoredEvents, transaction
from metaqnn.database.transactions import run_transaction
from metaqnn.database.trouble import check_integrity, refused, require_possible
from metaqnn.interrupts import uninterrupted
from state_space.errors import printable

if TYPE_CHECKING:  # readers of a database need not wait for torch and scikit-learn
    from predictor import Decision
    from trainers import EpochReport

IDS_AT_ONCE = 100
DRAW_IDS = text("SELECT nextval(pg_get_serial_sequence('networks', 'id')) FROM generate_series(1, :count)")


class ReplayDatabase(StoredEvents):
    """Writes, and reads back, the events of one search. One writer at a time.

    Every method is one transaction, unless it is called in a block of `together`: after a crash the database
    holds each event completely or not at all.
    On PostgreSQL this object owns the search until `close`, and events survive a lost connection
    (`transactions`).

    Raises:
        SearchInUseError: on PostgreSQL, another process is writing the search; any event may raise it, too.
        UnreachableError: the server does not respond; an event raises it only after waiting a long time.
    """

    def __init__(self, engine: Engine, search_id: int) -> None:
        super().__init__(engine, search_id)
        if engine.dialect.name == "postgresql":
            Owner(engine, search_id)
        self._began = time.monotonic()
        self._seconds_before = self._seconds()
        self._ids = self._unused_ids()
        self._events: list[Event] = []
        self._waits = False

    @classmethod
    def create(cls, url: str | URL, record: SearchRecord) -> Self:
        """Start a new search in the database at `url`; an SQLite file is created if needed."""
        engine = writing_engine(url)
        channels, image_size, _ = record.input_shape
        statement = insert(searches).values(
            config=record.config.to_dict(),
            epochs=record.config.epochs,
            num_classes=record.num_classes,
            channels=channels,
            image_size=image_size,
            data_fingerprint=record.data_fingerprint,
            versions=dict(record.versions),
            circumstances=dict(record.environment),
            images=record.images,
            created_at=time.time(),
        )
        with closed_on_failure(engine):
            upgrade(engine)
            with uninterrupted(), engine.begin() as connection:
                key = connection.execute(statement).inserted_primary_key
            assert key is not None
            return cls(engine, key[0])

    @classmethod
    def open(cls, url: str | URL, search_id: int | None = None) -> Self:
        """Open a stored search to resume it (the newest one if no id is given).

        Raises:
            DatabaseError: the database does not hold that search, or was written by a newer version.
        """
        where = name_of(url)
        check_integrity(url)
        with refused(where):
            check_upgradable(url)
        engine = writing_engine(url)
        with closed_on_failure(engine):
            upgrade(engine)
            with engine.begin() as connection:
                found = find_search(connection, where, search_id)
                require_possible(connection, where, found)
            return cls(engine, found)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @transaction
    def record(self, connection: Connection) -> SearchRecord:
        """What the search was started with."""
        row = connection.execute(select(searches).where(searches.c.id == self.search_id)).mappings().one()
        return SearchRecord.of(dict(row))

    @transaction
    def set_environment(self, connection: Connection, environment: Mapping[str, Any]) -> None:
        """Store the environment in which the search is resumed."""
        statement = update(searches).where(searches.c.id == self.search_id)
        connection.execute(statement.values(circumstances=dict(environment)))

    @transaction
    def extend(self, connection: Connection, schedule: EpsilonSchedule) -> None:
        """Store a longer schedule; everything else stays as it is."""
        own = searches.c.id == self.search_id
        config = connection.execute(select(searches.c.config).where(own)).scalar_one()
        statement = update(searches).where(own)
        connection.execute(statement.values(config={**config, EXTENDED: str(schedule)}))

    # events

    @contextmanager
    def together(self) -> Iterator[None]:
        """Store the events of the block in one transaction, at its end; none of them if the block raises."""
        self._waits = True
        try:
            yield
            self._store()
        finally:
            self._waits = False
            self._events.clear()

    def propose(self, proposal: int, epsilon: float, network: Mapping[str, Any]) -> int:
        """A walk found a new network (columns `number`, `architecture` and counts). Returns its id."""
        network_id = self._new_id()
        own = {"id": network_id, "search_id": self.search_id, "epsilon": epsilon, "proposed_at": time.time()}
        self._add((NETWORK, {**network, **own}), self._sample(proposal, epsilon, network_id, None))
        return network_id

    def repeat(self, proposal: int, epsilon: float, network_id: int, position: int | None) -> None:
        """A walk found a known network: one more sample, at `position` of the memory if it has ended."""
        self._add(self._sample(proposal, epsilon, network_id, position))

    def add_epoch(
        self,
        network_id: int,
        report: EpochReport,
        decision: Decision | None = None,
        *,
        purpose: str = "search",
    ) -> None:
        """One more epoch of a training, with what the stopping rule said about it."""
        training = {"of_network": network_id, "of_purpose": purpose, "of_attempt": report.attempt}
        loss = report.loss if isfinite(report.loss) else None  # JSON has no infinity
        values = {"accuracy": report.accuracy, "loss": loss, "seconds": report.seconds}
        epoch = {**training, "epoch": report.epoch}
        rows: list[Row] = [
            (TRAINING, {**training, "at_rate": report.learning_rate}),
            (EPOCH, {**epoch, **values}),
        ]
        if decision is not None:
            rows.append((DECISION, {**epoch, **_columns(decision)}))
        if purpose == "search":
            rows.append(self._spent())
        self._add(*rows)

    def finish(
        self, network_id: int, result: NetworkResult, finished: int, positions: Mapping[int, int]
    ) -> None:
        """A training ended, as the `finished`-th; `positions`: its waiting proposals -> their places."""
        message = None if result.message is None else printable(result.message, keep="\n\t")
        values = {**vars(result), "message": message, "of_network": network_id}
        own = {"of_search": self.search_id}
        self._add(
            (RESULT, {**values, "finished_position": finished, "finished_at": time.time()}),
            *((POSITION, {**own, "of_proposal": one, "position": at}) for one, at in positions.items()),
            self._spent(),
        )

    @transaction
    def forget_training(self, connection: Connection, network_id: int, purpose: str) -> None:
        """Delete the epochs of an interrupted training before it starts again."""
        connection.execute(
            trainings.delete().where(
                (trainings.c.network_id == network_id) & (trainings.c.purpose == purpose)
            )
        )

    def _spent(self) -> Row:
        """The wall time of the search so far: of its earlier sessions, and of this one until now."""
        passed = time.monotonic() - self._began
        return SECONDS, {"of_search": self.search_id, "seconds": self._seconds_before + passed}

    def _sample(self, proposal: int, epsilon: float, network_id: int, position: int | None) -> Row:
        values = {"proposal": proposal, "epsilon": epsilon, "network_id": network_id, "position": position}
        return SAMPLE, {**values, "search_id": self.search_id}

    def _add(self, *event: Row) -> None:
        """Store an event: at once, or with others."""
        self._events.append(event)
        if not self._waits:
            self._store()

    def _store(self) -> None:
        events, self._events = self._events, []
        if events:
            run_transaction(self.engine, lambda connection: write(connection, events))

    def _new_id(self) -> int:
        """An id for a network, known before the network is stored."""
        drawn = next(self._ids, None)
        if drawn is None:
            self._ids = self._unused_ids()
            drawn = next(self._ids)
        return drawn

    @transaction
    def _unused_ids(self, connection: Connection) -> Iterator[int]:
        """Unused ids of networks; on PostgreSQL, where others write, too, some that nobody else gets."""
        if connection.dialect.name == "postgresql":
            return iter(sorted(connection.execute(DRAW_IDS, {"count": IDS_AT_ONCE}).scalars()))
        return count(1 + (connection.execute(select(func.max(networks.c.id))).scalar() or 0))

    @transaction
    def _seconds(self, connection: Connection) -> float:
        query = select(searches.c.seconds).where(searches.c.id == self.search_id)
        return connection.execute(query).scalar_one()


def _columns(decision: Decision) -> dict[str, Any]:
    return {
        "stop": decision.stop,
        "reason": decision.reason,
        "predicted_accuracy": decision.y_hat_T,
        "sigma": decision.sigma,
        "probability": decision.probability,
        "best_accuracy": decision.y_best,
    }
