"""A dashboard that people look at changes nothing about a search that runs."""

import threading

import pytest
from sqlalchemy import create_engine

PATHS = ["/version", "/figures/search.json", "/figures/q-kinds.json", "/networks", "/networks/1", ""]


@pytest.fixture
def trajectory():
    """trajectory(folder): everything that a search has decided and learned."""

    def ask(folder):
        reader = folder.reader()
        keys = (
            "number",
            "architecture",
            "epsilon",
            "outcome",
            "finished_position",
            "reward",
            "epochs_trained",
        )
        found = [[row[key] for key in keys] for row in reader.networks()[0]]
        reader.close()
        return found

    return ask


@pytest.fixture
def looking(client):
    """looking(folder) -> stop: people load pages of a run until `stop()`, which returns all status codes."""
    ended = threading.Event()
    lookers = []

    def start(folder):
        browser, answers = client(folder), []

        def look():
            while not ended.is_set():
                answers.extend(browser.get(f"/runs/{folder.path.name}{path}").status_code for path in PATHS)

        lookers.extend(threading.Thread(target=look) for _ in range(3))
        for looker in lookers:
            looker.start()

        def stop():
            ended.set()
            for looker in lookers:
                looker.join()
            return answers

        return stop

    yield start
    ended.set()


def test_a_search_that_is_looked_at_takes_the_same_way(new_run, run_search, looking, trajectory):
    alone, database = new_run("alone")
    run_search(database)
    watched, database = new_run("watched")
    stop = looking(watched)
    run_search(database)
    answers = stop()
    assert len(answers) >= 2 * len(PATHS)
    assert set(answers) <= {200, 404}  # network 1 is not there at first
    assert trajectory(watched) == trajectory(alone)
    assert len(trajectory(watched)) == 24


def test_a_dashboard_holds_no_lock_between_two_looks(client, run_copy):
    browser = client(run_copy)
    for path in PATHS:
        assert browser.get(f"/runs/copy{path}").status_code == 200
    engine = create_engine(run_copy.url, connect_args={"timeout": 0})
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        connection.exec_driver_sql("UPDATE networks SET message = 'written'")
        connection.exec_driver_sql("COMMIT")
        busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    engine.dispose()
    assert busy == 0


def test_a_writer_that_holds_the_database_keeps_nobody_waiting(client, run_copy):
    browser, engine = client(run_copy), create_engine(run_copy.url)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("UPDATE networks SET message = 'not yet'")
        assert all(browser.get(f"/runs/copy{path}").elapsed.total_seconds() < 10 for path in PATHS)
        assert "not yet" not in browser.get("/runs/copy/networks/1").text
        connection.exec_driver_sql("ROLLBACK")
    engine.dispose()
