"""PostgreSQL servers that refuse: one line with the remedy, and a search that goes on afterwards."""

from contextlib import closing

import pytest
from sqlalchemy import create_engine, text

from metaqnn.cli import main
from metaqnn.database import transactions
from metaqnn.database.engine import StorageError, UnreachableError
from metaqnn.session.run_folder import RunFolder

NETWORK = {"number": 1, "architecture": "[SM(10)]", "num_params": 0, "depth": 1, "parameters": 9, "macs": 9}
FEW = ("--schedule", "1.0:1", "--epochs", "1", "--layer-limit", "2", "--conv-widths", "8", "--threads", "1")


@pytest.fixture
def admin(server, new_postgresql):
    """admin(*statements): run them in the database at `admin.url`, whose role `newcomer` may only log in."""
    url = new_postgresql()

    def run(*statements):
        with server.admin(url.database) as connection:
            for statement in statements:
                connection.execute(text(statement))

    run("CREATE ROLE newcomer LOGIN", "GRANT USAGE ON SCHEMA public TO newcomer")
    run.url = url.set(username="newcomer")
    yield run
    server.cut_all(url)
    run("DROP OWNED BY newcomer CASCADE", "DROP ROLE newcomer")


REFUSED = {
    "permission denied for schema public": (),
    "no schema has been selected to create in": ("ALTER ROLE newcomer SET search_path TO nowhere",),
    "read-only transaction": (
        "GRANT CREATE ON SCHEMA public TO newcomer",
        "ALTER ROLE newcomer SET default_transaction_read_only TO on",
    ),
    "does not answer in time: canceling statement": (
        "GRANT CREATE ON SCHEMA public TO newcomer",
        "ALTER ROLE newcomer SET statement_timeout TO 1",
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_search_that_cannot_begin_says_why_in_one_line_and_begins_later(admin, tmp_path, capsys, reason):
    run = tmp_path / "run"
    command = ["run", "--quiet", "--run-dir", str(run), "--storage", str(admin.url), *FEW]
    admin(*REFUSED[reason])
    assert main(command) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"metaqnn: error: {admin.url} ")
    assert reason in line
    assert not (run / "storage.json").exists()
    admin("ALTER ROLE newcomer RESET ALL", "GRANT CREATE ON SCHEMA public TO newcomer")
    assert main(command) == 0


@pytest.fixture
def begun(admin, record, tmp_path):
    """A search of the role `newcomer`."""
    admin("GRANT CREATE ON SCHEMA public TO newcomer")
    folder = RunFolder(tmp_path)
    with closing(folder.create_search(record, admin.url)) as database:
        yield folder, database


@pytest.fixture
def locked(admin, begun):
    """Somebody who locks the table of networks, in a database that gives up waiting after 0.1 s."""
    admin("ALTER ROLE newcomer SET lock_timeout TO 100")
    begun[1].engine.dispose()
    engine = create_engine(admin.url)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE networks"))
        yield connection
    engine.dispose()


def test_a_timeout_is_waited_for_and_the_event_stored_once(begun, locked, monkeypatch, caplog):
    _, database = begun
    waits = []

    def give_back(seconds):
        waits.append(seconds)
        locked.rollback()

    monkeypatch.setattr(transactions.time, "sleep", give_back)
    database.propose(0, 1.0, NETWORK)
    assert len(waits) == 1
    assert "does not answer in time: canceling statement due to lock timeout" in caplog.text
    assert [sample.proposal for sample in database.stored_samples()] == [0]


def test_timeouts_for_ever_end_with_how_to_go_on(begun, locked, monkeypatch):
    monkeypatch.setattr(transactions, "PATIENCE", 0.0)
    with pytest.raises(UnreachableError, match=r"in time: .*resume with metaqnn run --resume"):
        begun[1].propose(0, 1.0, NETWORK)


def test_a_search_whose_rights_are_taken_away_can_be_gone_on_with(admin, begun):
    folder, database = begun
    admin("REVOKE INSERT ON networks FROM newcomer")
    with pytest.raises(StorageError, match=r"permission denied for table networks\): the role needs more"):
        database.propose(0, 1.0, NETWORK)
    database.close()
    admin("GRANT INSERT ON networks TO newcomer")
    with closing(folder.open_search()) as again:
        again.propose(0, 1.0, NETWORK)


def test_a_role_whose_text_would_come_as_bytes_is_sent_unicode(admin, tmp_path, capsys):
    admin("GRANT CREATE ON SCHEMA public TO newcomer", "ALTER ROLE newcomer SET client_encoding TO SQL_ASCII")
    run = tmp_path / "run"
    assert main(["run", "--quiet", "--run-dir", str(run), "--storage", str(admin.url), *FEW]) == 0
    capsys.readouterr()
    assert main(["top", str(run), "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_table_that_somebody_has_dropped_is_one_line(admin, begun, capsys):
    folder, _ = begun
    admin("DROP TABLE epochs CASCADE")
    assert main(["report", "--no-figures", str(folder.path)]) == 2
    assert "a table of the search is missing; restore" in capsys.readouterr().err.splitlines()[-1]


def test_a_search_in_a_schema_that_is_not_selected_is_not_said_to_be_missing(admin, begun, capsys):
    folder, database = begun
    database.engine.dispose()
    admin("ALTER ROLE newcomer SET search_path TO ''")
    assert main(["top", str(folder.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        "search that the role can see: its search_path selects no schema; name the search's schema in it"
    )
    admin("ALTER ROLE newcomer RESET search_path")
    assert main(["top", str(folder.path)]) == 0


def test_what_may_not_be_read_is_one_line(admin, begun, capsys):
    folder, _ = begun
    admin("REVOKE SELECT ON searches FROM newcomer")
    assert main(["top", str(folder.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "permission denied for table searches" in line
