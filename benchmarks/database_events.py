"""Claim: a search's events cost milliseconds on SQLite and PostgreSQL alike, although each is flushed to the
disk before the search goes on; 1,000 networks take some MB.

Stores networks of 20 epochs each (propose, 20 times add_epoch with a decision, finish: 22 transactions) one
after another, in blocks that alternate between the back ends, and measures the databases before and after.
Both are as safe as in a search. What that costs is shown by a second SQLite file, whose log is flushed only
now and then, so that a power cut would lose the last events. The files are where TMPDIR says, by default in
/tmp: that should be a disk. PostgreSQL needs a server, with its usual settings:

    initdb -D /tmp/pg --auth trust --username me && pg_ctl -D /tmp/pg -o '-p 5433 -k /tmp' start
    createdb -h 127.0.0.1 -p 5433 -U me events
    python benchmarks/database_events.py --storage postgresql+psycopg://me@127.0.0.1:5433/events
"""

import sqlite3
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from command_line import described, execute, parser, positive
from sqlalchemy import URL, create_engine, event, text

from metaqnn.config.search import SearchConfig
from metaqnn.database import NetworkResult, ReplayDatabase, SearchRecord
from metaqnn.database.engine import postgresql_url, sqlite_url
from predictor import Decision
from trainers import EpochReport

T = 20
EVENTS = T + 2
SAFE, UNFLUSHED = "SQLite", "SQLite, not flushed"
ARCHITECTURE = "[C(128,3,1), C(256,5,1), P(2,2), C(512,3,1), P(3,2), C(256,1,1), FC(512), SM(10), {}]"
DECISION = Decision(False, "p = 0.5 < Delta = 0.99", 0.5, 0.6, 0.05, 0.9)


def store(database: ReplayDatabase, number: int) -> None:
    """All events of one network."""
    counts = {"num_params": 10**6, "depth": 8, "parameters": 10**6, "macs": 10**9}
    network = {"number": number, "architecture": ARCHITECTURE.format(number), **counts}
    network_id = database.propose(number - 1, 1.0, network)
    for epoch in range(1, T + 1):
        report = EpochReport(1, 1e-3, epoch, epoch / (T + 5), 1.0, 1.0)
        database.add_epoch(network_id, report, DECISION if epoch < T else None)
    y_T = T / (T + 5)
    result = NetworkResult("completed", y_T, 1, T, y_T, y_T, None, 20.0, "completed")
    database.finish(network_id, result, number, {number - 1: number - 1})


def bytes_of(url: URL) -> int:
    """Size of a database with its indexes; SQLite's log, which does not grow with the search, is left out."""
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).stat().st_size
    with create_engine(url).connect() as connection:
        size: int = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    return size


def fresh(url: URL) -> ReplayDatabase:
    config = SearchConfig.of("paper", dataset="cifar10", epochs=T)
    return ReplayDatabase.create(url, SearchRecord(config, (3, 32, 32), 10, "0" * 64, {}, {}))


def flush_rarely(database: ReplayDatabase) -> None:
    """Let later connections leave the log to the operating system until it is moved into the file."""

    @event.listens_for(database.engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--storage", metavar="URL", help="an empty PostgreSQL database, to compare")
    options.add_argument("--networks", type=positive, default=200, help="networks per back end (default 200)")
    options.add_argument("--blocks", type=positive, default=10, help="blocks that alternate (default 10)")
    chosen = options.parse_args()
    print(f"{sys.argv[0]}\n{described('SQLAlchemy')}")  # without the storage's password
    with tempfile.TemporaryDirectory() as folder:
        urls = {name: sqlite_url(Path(folder) / f"{name}.db") for name in (SAFE, UNFLUSHED)}
        if chosen.storage is not None:
            urls["PostgreSQL"] = postgresql_url(chosen.storage)
        measure(urls, chosen.networks, chosen.blocks)


def measure(urls: dict[str, URL], networks: int, blocks: int) -> None:
    databases = {name: fresh(url) for name, url in urls.items()}
    flush_rarely(databases[UNFLUSHED])
    for database in databases.values():
        database.close()  # connections open anew; SQLite moves its log into the file
    before = {name: bytes_of(url) for name, url in urls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in urls}
    per_block = max(1, networks // blocks)
    for block in range(blocks):
        for name, database in databases.items():
            started = perf_counter()
            for number in range(block * per_block + 1, (block + 1) * per_block + 1):
                store(database, number)
            seconds[name].append(perf_counter() - started)
    rates = {name: per_block * EVENTS / median(times) for name, times in seconds.items()}
    for name, database in databases.items():
        database.close()
        grown = (bytes_of(urls[name]) - before[name]) / (per_block * blocks) * 1000 / 1e6
        slowest, fastest = (per_block * EVENTS / edge(seconds[name]) for edge in (max, min))
        print(
            f"{name:20s} {rates[name]:7.0f} events per second ({slowest:.0f} to {fastest:.0f}), "
            f"{1000 / rates[name]:.2f} ms each; {grown:.2f} MB per 1,000 networks x {T} epochs"
        )
    for name in rates.keys() - {SAFE}:
        print(f"{SAFE} / {name}: {rates[SAFE] / rates[name]:.2f}")


if __name__ == "__main__":
    execute(main)
