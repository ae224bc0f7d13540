"""Events as rows, so that many of them are stored with few statements and one transaction.

No statement needs an answer from the database, and all may be repeated after a lost transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Float,
    Integer,
    ScalarSelect,
    String,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.sql.dml import UpdateBase

from metaqnn.database.schema import decisions, epochs, networks, samples, searches, trainings

Row = tuple[UpdateBase, dict[str, Any]]
Event = Sequence[Row]
"""One row for each statement of the event, with the values of its parameters."""


def _training() -> ScalarSelect[int]:
    """The id of the training that `of_network`, `of_purpose` and `of_attempt` identify."""
    query = select(trainings.c.id).where(
        trainings.c.network_id == bindparam("of_network", type_=Integer),
        trainings.c.purpose == bindparam("of_purpose", type_=String),
        trainings.c.attempt == bindparam("of_attempt", type_=Integer),
    )
    return query.scalar_subquery()


def _trained() -> ScalarSelect[int]:
    """How many epochs all attempts of `of_network` have taken."""
    query = select(func.count()).select_from(epochs.join(trainings, epochs.c.training_id == trainings.c.id))
    query = query.where(trainings.c.network_id == bindparam("of_network", type_=Integer))
    return query.where(trainings.c.purpose == "search").scalar_subquery()


NETWORK = insert(networks)
SAMPLE = insert(samples)
TRAINING = insert(trainings).from_select(
    ["network_id", "purpose", "attempt", "learning_rate"],
    select(
        bindparam("of_network", type_=Integer),
        bindparam("of_purpose", type_=String),
        bindparam("of_attempt", type_=Integer),
        bindparam("at_rate", type_=Float),
    ).where(_training().is_(None)),
)
"""A training, if it is not there yet."""
EPOCH = insert(epochs).values(training_id=_training())
DECISION = insert(decisions).values(training_id=_training())
RESULT = update(networks).where(networks.c.id == bindparam("of_network")).values(epochs_trained=_trained())
POSITION = update(samples).where(
    samples.c.search_id == bindparam("of_search"), samples.c.proposal == bindparam("of_proposal")
)
SECONDS = update(searches).where(searches.c.id == bindparam("of_search"))
ORDER = (NETWORK, SAMPLE, TRAINING, EPOCH, DECISION, RESULT, POSITION, SECONDS)
"""Each statement may need rows from those before it."""


def write(connection: Connection, events: Sequence[Event]) -> None:
    """Store these events, each after the ones before it."""
    rows = [row for event in events for row in event]
    for statement in ORDER:
        values = [values for whose, values in rows if whose is statement]
        if statement is SECONDS:
            values = values[-1:]
        if values:
            connection.execute(statement, values)
