"""One writer per search in a PostgreSQL database, on any machine.

The owner holds an advisory lock, which the server releases when the connection ends, however it ends. As
connections do get lost, the owner also writes its name to `searches.owner`: after a lost connection it
continues only if nobody else has written theirs meanwhile. On SQLite the run folder's lock does this.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, event

from metaqnn.database.engine import UnreachableError, name_of

LOCK_SPACE = 0x6D716E6E
"""First half of the keys of our advisory locks; the other half is the search's id, or 0 for the schema."""
LOCK_SECONDS = 2.0
"""How long to try for a lock: a killed process releases its lock as soon as the server notices."""
END_FORMER = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s AND datname = current_database()
"""


class SearchInUseError(ValueError):
    """Another process is writing the search."""


class Owner:
    """This process as the owner of one search.

    Args:
        engine: a writing engine on PostgreSQL. From now on each of its connections owns the search.
        search_id: the search.

    Raises:
        SearchInUseError: the search belongs to a living process; the message names it.
    """

    def __init__(self, engine: Engine, search_id: int) -> None:
        self._name = f"process {os.getpid()} on {socket.gethostname()} (session {uuid4().hex[:8]})"
        self._search_id = search_id
        self._search = f"search {search_id} in {name_of(engine.url)}"
        self._signed = False
        event.listen(engine, "connect", self._take)
        engine.dispose()  # earlier connections own nothing
        engine.connect().close()
        self._signed = True

    def _take(self, connection: Any, _record: object) -> None:
        """Make a new psycopg connection the owner's."""
        try:
            locked = self._lock(connection)
            self._check(connection, locked)
            connection.execute(
                "UPDATE searches SET owner = %s WHERE id = %s AND owner IS DISTINCT FROM %s",
                (self._name, self._search_id, self._name),
            )
            connection.commit()
        except BaseException:
            connection.close()
            raise

    def _lock(self, connection: Any) -> bool:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            query = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (LOCK_SPACE, self._search_id))
            if query.fetchone()[0]:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)

    def _check(self, connection: Any, locked: bool) -> None:
        query = connection.execute("SELECT owner FROM searches WHERE id = %s", (self._search_id,))
        owner = query.fetchone()[0]
        if self._signed and owner != self._name:
            raise SearchInUseError(f"{self._search} has been resumed by {owner}")
        if not locked and owner == self._name:
            connection.execute(END_FORMER, (LOCK_SPACE, self._search_id))
            raise UnreachableError(f"{self._search}: the server still holds the lost connection")
        if not locked:
            raise SearchInUseError(f"{self._search} is in use by {owner}")
