"""Dashboards without a network, and one that a real browser can visit."""

import threading
import time

import pytest

from metaqnn.dashboard import Dashboard
from metaqnn.dashboard.server import Server, listen, url_of
from metaqnn.executors import SerialExecutor
from metaqnn.session.run_folder import RunFolder

HTML = {"accept": "text/html"}


@pytest.fixture
def client():
    """client(folder, ...): asks a dashboard of these run folders as a browser does."""
    testing = pytest.importorskip("starlette.testclient")
    made = []

    def make(*folders, **options):
        made.append(Dashboard([folder.path for folder in folders], **options))
        return testing.TestClient(made[-1], base_url="http://127.0.0.1", headers=HTML)

    yield make
    for dashboard in made:
        dashboard.end()


@pytest.fixture
def served():
    """served(folder, ...): the address of a dashboard of these run folders, without a slash at its end."""
    servers = []

    def serve(*folders):
        listening = listen("127.0.0.1", 0)
        server = Server(Dashboard([folder.path for folder in folders]))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return url_of(listening).rstrip("/")

    yield serve
    for server, thread in servers:
        server.should_exit = True
        thread.join()


@pytest.fixture
def new_run(tmp_path, record):
    """new_run(name): a run folder whose search has not begun, and its database."""

    def make(name="fresh"):
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir(parents=True)
        return folder, folder.create_search(record)

    return make


@pytest.fixture
def run_search(open_search, formula_trainer, config):
    """run_search(database): train all networks of a search."""

    def run(database, **options):
        open_search(database).run(SerialExecutor(formula_trainer(config.epochs, **options)))

    return run


@pytest.fixture(scope="session")
def layer_rows():
    """layer_rows(Vega-Lite specification): the rows behind each of its layers."""

    def found(spec):
        return [spec["datasets"][layer.get("data", spec.get("data"))["name"]] for layer in spec["layer"]]

    return found
