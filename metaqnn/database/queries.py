"""Read-only queries of a replay database; they never disturb a running search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Row, false, func, select

from metaqnn.config.bounds import ROW
from metaqnn.config.search import SearchConfig
from metaqnn.database.engine import closed_on_failure, name_of, reading_engine
from metaqnn.database.migrate import NoSearchError, check_version, find_search
from metaqnn.database.records import SearchRecord
from metaqnn.database.schema import decisions, epochs, networks, samples, searches, trainings
from metaqnn.database.stored_events import seconds_per_epoch, trained_to_end
from metaqnn.database.trouble import refused, require_possible

OF_THE_DATABASE = "id", "search_id", "network_id", "training_id"
"""Columns with ids of the database's own, which mean nothing outside of it."""
AUDITED = "completed", "diverged"
"""Outcomes of a network that its search trained on after the rule would have stopped it."""


class UnknownNetworkError(ValueError):
    """A network number that the search does not have."""


def has_search(url: str | URL, search_id: int | None = None) -> bool:
    """Whether a database holds a search, or the one with the given id.

    Raises:
        DatabaseError: it is not a replay database, or has another schema version.
    """
    try:
        SearchReader(url, search_id).close()
    except NoSearchError:
        return False
    return True


class SearchReader:
    """Reads one search (the newest one in the database if no id is given).

    Raises:
        DatabaseError: not a replay database, another schema version, or no such search.
        UnreachableError: the server does not respond; any method may raise it, too.
    """

    def __init__(self, url: str | URL, search_id: int | None = None) -> None:
        self._engine = reading_engine(url)
        self._where = where = name_of(url)
        self._held: Connection | None = None
        with closed_on_failure(self._engine), refused(where), self._engine.connect() as connection:
            check_version(connection, where)
            self._search_id = find_search(connection, where, search_id)

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Everything read in this block shows the search as it was when the block began. For one thread."""
        with self._engine.connect() as connection:
            connection.execute(select(searches.c.id))  # the first read fixes the moment
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    def _connected(self) -> AbstractContextManager[Connection]:
        return self._engine.connect() if self._held is None else nullcontext(self._held)

    def require_possible(self) -> None:
        """Refuse values that no search has written. Raises DatabaseError."""
        with self._connected() as connection:
            require_possible(connection, self._where, self._search_id)

    def search(self) -> dict[str, Any]:
        """The search itself: its configuration, data, versions, wall time."""
        with self._connected() as connection:
            row = connection.execute(select(searches).where(searches.c.id == self._search_id)).one()
        return dict(row._mapping)

    def record(self) -> SearchRecord:
        """What the search was started with."""
        return SearchRecord.of(self.search())

    def config(self) -> SearchConfig:
        """The configuration of the search."""
        return SearchConfig.from_dict(self.search()["config"])

    def top(
        self,
        k: int | None,
        *,
        stopped: bool = False,
        max_parameters: int | None = None,
        max_macs: int | None = None,
    ) -> list[dict[str, Any]]:
        """The k networks with the highest observed y_T; with `stopped`, predictions of y_T count as well.

        Args:
            k: how many, None for all.
            stopped: whether to include stopped networks.
            max_parameters: only networks with at most this many parameters.
            max_macs: only networks with at most this many multiply-accumulates per image.
        """
        outcomes = ("completed", "stopped") if stopped else ("completed",)
        query = select(networks).where(
            networks.c.search_id == self._search_id,
            networks.c.outcome.in_(outcomes),
            networks.c.reward.is_not(None),
        )
        if max_parameters is not None:
            query = query.where(networks.c.parameters <= max_parameters)
        if max_macs is not None:
            query = query.where(networks.c.macs <= max_macs)
        query = query.order_by(networks.c.reward.desc(), networks.c.parameters, networks.c.number).limit(k)
        with self._connected() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def architectures(self) -> dict[int, str]:
        """Those of all networks, by their numbers."""
        query = select(*networks.c["number", "architecture"]).where(networks.c.search_id == self._search_id)
        with self._connected() as connection:
            return {row.number: row.architecture for row in connection.execute(query)}

    def ended(self) -> list[Row[Any]]:
        """All networks whose training has ended, in order of finishing."""
        query = select(networks).where(
            networks.c.search_id == self._search_id, networks.c.reward.is_not(None)
        )
        with self._connected() as connection:
            return list(connection.execute(query.order_by(networks.c.finished_position)))

    def network(self, number: int) -> dict[str, Any]:
        """One network with all its trainings, their epochs and the decisions about them.

        The database's own ids are left out, of which the network's need not be its number.

        Raises:
            UnknownNetworkError: there is no network with that number.
        """
        own = networks.c.search_id == self._search_id
        with self._connected() as connection:
            named = networks.c.number == number if number in ROW else false()
            row = connection.execute(select(networks).where(own, named)).one_or_none()
            if row is None:
                last = connection.execute(select(func.max(networks.c.number)).where(own)).scalar() or 0
                raise UnknownNetworkError(f"there is no network {number}; this search has 1 to {last}")
            found = _plain(row)
            found["samples"] = self._count(connection, row.id)
            found["trainings"] = self._trainings(connection, row.id)
        return found

    def networks(
        self,
        *conditions: ColumnElement[bool],
        order_by: Sequence[ColumnElement[Any]] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[list[dict[str, Any]], int]:
        """Some of the networks that meet all conditions on columns of `schema.networks`.

        Returns:
            The rows, without the database's own ids, and the total number of rows that meet the conditions.
        """
        query = select(networks).where(networks.c.search_id == self._search_id, *conditions)
        page = query.order_by(*order_by, networks.c.number).limit(limit).offset(offset)
        with self._connected() as connection:
            total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
            return [*map(_plain, connection.execute(page))], total

    def version(self) -> str:
        """A short text that changes with every event of the search or of an audit; takes milliseconds."""
        own = networks.c.search_id == self._search_id
        trained = networks.join(trainings).join(epochs)
        counts = (
            select(searches.c.created_at).where(searches.c.id == self._search_id),
            select(func.max(samples.c.proposal)).where(samples.c.search_id == self._search_id),
            select(func.count(networks.c.finished_position)).where(own),
            select(func.count()).select_from(trained).where(own, networks.c.outcome.is_(None)),
            select(func.count()).select_from(trained).where(own, trainings.c.purpose == "audit"),
        )
        with self._connected() as connection:
            return "-".join(str(connection.execute(query).scalar()) for query in counts)

    def audits(self) -> list[dict[str, Any]]:
        """Networks that the rule would have stopped but that were trained to the end, or until they diverged.

        Keys: number, architecture, in_loop (by the search itself, not by `metaqnn audit`), epochs (when it
        was or would have been stopped), epochs_in_search (how many the search trained), predicted_accuracy
        (y_hat_T), sigma, probability, best_accuracy (what the rule compared with: y_BEST of that moment, or
        the n-th best y_T), final_accuracy (y_T, observed; None where the training diverged).
        """
        same = (trainings.c.network_id == networks.c.id) & (trainings.c.attempt == networks.c.attempt)
        afterwards = trained_to_end(self._search_id, "audit").subquery()
        final = func.coalesce(networks.c.final_accuracy, afterwards.c.accuracy)
        in_loop = networks.c.outcome.in_(AUDITED) & (networks.c.epochs > decisions.c.epoch)
        query = (
            select(
                *networks.c["number", "architecture"],
                in_loop.label("in_loop"),
                decisions.c.epoch.label("epochs"),
                networks.c.epochs.label("epochs_in_search"),
                *decisions.c["predicted_accuracy", "sigma", "probability", "best_accuracy"],
                final.label("final_accuracy"),
            )
            .join(trainings, same & (trainings.c.purpose == "search"))
            .join(decisions, (decisions.c.training_id == trainings.c.id) & decisions.c.stop)
            .outerjoin(afterwards, afterwards.c.network_id == networks.c.id)
            .where(networks.c.search_id == self._search_id)
            .where(in_loop | afterwards.c.network_id.is_not(None))
            .order_by(networks.c.number)
        )
        with self._connected() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def audit_epochs(self) -> int:
        """Epochs of the trainings of `metaqnn audit` that have come to their end, in all attempts."""
        ended = trained_to_end(self._search_id, "audit").with_only_columns(networks.c.id)
        query = select(func.count()).select_from(trainings.join(epochs))
        query = query.where(trainings.c.purpose == "audit", trainings.c.network_id.in_(ended))
        with self._connected() as connection:
            return connection.execute(query).scalar_one()

    def seconds_per_epoch(self) -> dict[int, float]:
        """Mean seconds of an epoch of each stopped network, by its number; the start is not counted."""
        with self._connected() as connection:
            return {row.number: row.seconds for row in connection.execute(seconds_per_epoch(self._search_id))}

    def samples(self) -> list[tuple[str, float]]:
        """The replay memory: (architecture, reward) of each sample, in order of arrival."""
        query = (
            select(networks.c.architecture, networks.c.reward)
            .join(samples, samples.c.network_id == networks.c.id)
            .where(samples.c.search_id == self._search_id, samples.c.position.is_not(None))
            .order_by(samples.c.position)
        )
        with self._connected() as connection:
            return [(row.architecture, row.reward) for row in connection.execute(query)]

    def repeats(self) -> int:
        """How many samples in a row, at the end of the replay memory, are of networks known before."""
        own = (samples.c.search_id == self._search_id, samples.c.position.is_not(None))
        first = select(func.min(samples.c.position).label("position")).where(*own)
        new = first.group_by(samples.c.network_id).subquery()
        query = select(func.max(samples.c.position) - select(func.max(new.c.position)).scalar_subquery())
        with self._connected() as connection:
            return connection.execute(query.where(*own)).scalar() or 0

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @staticmethod
    def _count(connection: Connection, network_id: int) -> int:
        query = select(func.count()).select_from(samples).where(samples.c.network_id == network_id)
        return connection.execute(query).scalar_one()

    @staticmethod
    def _trainings(connection: Connection, network_id: int) -> list[dict[str, Any]]:
        own = select(trainings).where(trainings.c.network_id == network_id).order_by(trainings.c.id)
        same = (decisions.c.training_id == epochs.c.training_id) & (decisions.c.epoch == epochs.c.epoch)
        columns = [column for column in decisions.c if column.name not in ("training_id", "epoch")]
        of = epochs.c.training_id
        query = select(epochs, *columns).outerjoin(decisions, same).order_by(epochs.c.epoch)
        return [
            {**_plain(row), "epochs": [*map(_plain, connection.execute(query.where(of == row.id)))]}
            for row in connection.execute(own).all()
        ]


def _plain(row: Row[Any]) -> dict[str, Any]:
    """What a row says, without the database's own ids."""
    return {name: value for name, value in row._mapping.items() if name not in OF_THE_DATABASE}
