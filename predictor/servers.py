"""PostgreSQL servers: how to connect to them, and which get passwords: those named on this machine.

A run folder says on which server its search is. One from somebody else may name any server, and the client
library would send the password in PGPASSWORD there, in clear text if that server asks for it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import platformdirs

from predictor.errors import PredictorError

SSL = "METAQNN_SSLPASSWORD"
"""Like PGPASSWORD, for an encrypted client key; PostgreSQL itself has no variable for it."""
PASSWORDS = ("PGPASSWORD", SSL)
"""Environment variables that hold passwords, whatever the server."""
PLACE = ("host", "hostaddr", "port", "service", "passfile", "gssdelegation")
"""Settings of a connection that say where it leads, or what it brings along."""
MISLEADING = ("hostaddr", "service", "passfile", "gssdelegation")
"""Settings that can send the user's password for one server to another, or hand on a ticket."""
WRITING = "sslkeylogfile"
"""The setting that names a file to which the client library adds lines."""
CONNECTION = {
    "application_name": "metaqnn",
    "client_encoding": "utf8",  # also where the role's default would send bytes
    "connect_timeout": "10",
    # A peer that vanished silently is noticed within a minute: by us, and by the server, which
    # holds the lock of a dead writer until then.
    **{"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"},
    "tcp_user_timeout": "60000",
    "options": "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
}
"""Settings of a PostgreSQL connection, unless the URL overrides them."""


class UnknownServerError(PredictorError):
    """A server that gets no password, because the user has not named it."""


def remember(settings: Mapping[str, object]) -> None:
    """Remember that the user has named the server of these settings, as psycopg takes them."""
    place = _place(settings)
    if place and place not in _known():
        with suppress(OSError):  # the user will be asked again
            _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _file().open("a", encoding="utf-8") as file:
                file.write(place + "\n")


def require_known(settings: Mapping[str, object]) -> None:
    """Refuse to connect to a server that would get a password and that the user has not named.

    Where there is a terminal, the user is asked.

    Args:
        settings: of the connection, as psycopg takes them, from a file that may be somebody else's.

    Raises:
        UnknownServerError: the user has not named the server, neither by an option, nor as PGHOST, nor now;
            or the settings name a file to write to.
    """
    if settings.get(WRITING):
        raise UnknownServerError(f"the search's address has {WRITING}, which writes to a file: remove that")
    place = _place(settings)
    secret = any(map(os.environ.get, PASSWORDS)) or any(settings.get(name) for name in MISLEADING)
    if not secret or not place or place in _known() or place == _place(_of_environment()):
        return
    if not _agreed(place):
        raise UnknownServerError(
            f"the search is on a server that was never named on this machine ({place}), so it gets no "
            "password: name it once, by PGHOST and PGPORT or by metaqnn run --resume RUN --storage URL"
        )
    remember(settings)


def settings_for(named: Container[str]) -> dict[str, str]:
    """Settings for psycopg in addition to those that the address names."""
    settings = {name: value for name, value in CONNECTION.items() if name not in named}
    if password := os.environ.get(SSL):
        settings["sslpassword"] = password
    return settings


def _of_environment() -> dict[str, object]:
    return {"host": os.environ.get("PGHOST"), "port": os.environ.get("PGPORT")}


def _place(settings: Mapping[str, object]) -> str:
    """Where a connection leads, in one line; empty if it leads to this machine's default server."""
    found = {name: str(settings[name]) for name in PLACE if settings.get(name)}
    if found.get("port") == "5432":
        del found["port"]
    return urlencode(found)


def _agreed(place: str) -> bool:
    here = threading.current_thread() is threading.main_thread()
    if not (here and sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"the search is on {place}, which was never named on this machine", file=sys.stderr)
    print("send the password there? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _known() -> set[str]:
    try:
        return set(_file().read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return set()


def _file() -> Path:
    return Path(platformdirs.user_state_dir("metaqnn")) / "database-servers.txt"
