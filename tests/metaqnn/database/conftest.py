"""Both back ends, for every test here. The PostgreSQL server is a real one, started just for the tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import replace
from glob import glob
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, text

from metaqnn.database import ReplayDatabase
from metaqnn.database.engine import postgresql_url, sqlite_url
from metaqnn.database.schema import metadata
from metaqnn.session.run_folder import RunFolder

ACCESS = "host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid != pg_backend_pid()"
)


class Server:
    """A PostgreSQL server on a free port of the loopback interface, with its data below `folder`."""

    def __init__(self, programs, folder):
        self._programs = programs
        self._folder = folder
        # PostgreSQL refuses to run as root, so root runs it as another user.
        self._user = {}
        if os.getuid() == 0:
            group = pwd.getpwnam("nobody").pw_gid
            self._user = {"user": "nobody", "group": group, "extra_groups": []}
            shutil.chown(folder, "nobody", group)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._numbers = count(1)
        self._empty = []
        self._run("initdb", "--username", "tester", "--auth", "trust", "--no-sync")
        (folder / "data" / "pg_hba.conf").write_text(ACCESS)
        self.start()
        with self.admin() as connection:
            connection.execute(text("CREATE ROLE locked SUPERUSER LOGIN PASSWORD 'se:cr@t'"))

    def start(self):
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--log", str(self._folder / "log"), "--options", settings)

    def stop(self, mode="fast"):
        self._run("pg_ctl", "stop", "--wait", "--mode", mode)

    def admin(self, database="postgres"):
        """A connection for work on the server itself."""
        return create_engine(self.url(database), isolation_level="AUTOCOMMIT").connect()

    def url(self, database):
        return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/{database}"

    def new_database(self):
        """The URL of an empty database."""
        if self._empty:
            return self._empty.pop()
        name = f"test_{next(self._numbers)}"
        with self.admin() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return postgresql_url(self.url(name))

    def cut_all(self, url):
        """End all connections to a database."""
        with self.admin(url.database) as connection:
            connection.execute(text(TERMINATE))

    def empty(self, url):
        """Empty a database, which is faster than making a new one."""
        self.cut_all(url)
        with self.admin(url.database) as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        self._empty.append(url)

    def _run(self, program, *arguments):
        command = [self._programs / program, "--pgdata", str(self._folder / "data"), *arguments]
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, **self._user
        )
        assert done.returncode == 0, done.stdout + done.stderr


def find_programs():
    """The folder with PostgreSQL's programs; Debian puts only some of them on the path."""
    places = [os.environ.get("PATH", ""), *sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    initdb = shutil.which("initdb", path=os.pathsep.join(places))
    return Path(initdb).resolve().parent if initdb else None


@pytest.fixture(scope="session")
def server():
    """A running server, or the test is skipped."""
    pytest.importorskip("psycopg", reason="the extra metaqnn[postgresql] is not installed")
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="metaqnn-postgresql-"))
    server = Server(programs, folder)
    yield server
    server.stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def backend(request):
    """The name of the back end under test."""
    return request.param


@pytest.fixture
def new_postgresql(server):
    """Makes URLs of empty databases on the server: new_postgresql()."""
    made = []

    def make():
        made.append(server.new_database())
        return made[-1]

    yield make
    for url in made:
        server.empty(url)


@pytest.fixture
def new_url(backend, tmp_path, request):
    """Makes URLs of empty databases: new_url(name)."""

    def make(name="search"):
        if backend == "sqlite":
            return sqlite_url(tmp_path / f"{name}.db")
        return request.getfixturevalue("new_postgresql")()

    return make


@pytest.fixture
def new_database(new_url, record):
    """Makes databases with a fresh search: new_database(name, **config changes) -> (url, database)."""
    made = []

    def make(name="search", **changes):
        url = new_url(name)
        changed = replace(record, config=replace(record.config, **changes))
        made.append(ReplayDatabase.create(url, changed))
        return url, made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def ask():
    """Asks a database in plain SQL: ask(url, query) -> rows."""

    def ask(url, query):
        engine = create_engine(url)
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return rows

    return ask


@pytest.fixture
def dump(ask):
    """Everything in the tables of a database: dump(url)."""

    def dump(url):
        return {name: sorted(ask(url, f"SELECT * FROM {name}"), key=repr) for name in metadata.tables}

    return dump


@pytest.fixture(scope="session")
def run_of_backend(backend, finished_run, request, tmp_path_factory):
    """The finished run, or a run folder with the same rows in PostgreSQL, beside another search."""
    if backend == "sqlite":
        return finished_run
    url = request.getfixturevalue("server").new_database()
    record = ReplayDatabase.open(finished_run.url).record()
    ReplayDatabase.create(url, record).close()
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "postgresql")
    folder.path.mkdir()
    folder.create_search(record, url).close()
    copy_search(finished_run.url, url)
    return folder


def copy_search(source, target):
    """Copy all networks and what belongs to them to the second search of another database."""
    with create_engine(source).begin() as reader, create_engine(target).begin() as writer:
        for table in metadata.sorted_tables[1:]:
            rows = [dict(row._mapping) for row in reader.execute(table.select())]
            moved = [{**row, "search_id": 2} if "search_id" in row else row for row in rows]
            writer.execute(insert(table), moved)
        seconds = reader.execute(text("SELECT seconds FROM searches")).scalar_one()
        writer.execute(text("UPDATE searches SET seconds = :s WHERE id = 2"), {"s": seconds})
