"""As a user: a search on Ray and PostgreSQL, whose every part dies once, ends with all networks trained."""

import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

pytest.importorskip("ray")
server = runpy.run_path(str(Path(__file__).with_name("database") / "conftest.py"))["server"]

NETWORKS, EPOCHS = 8, 4
SCHEDULE = f"1.0:{NETWORKS - 2},0.1:2"
SEARCH = [
    *(
        "--schedule",
        f"1.0:{NETWORKS - 2},0.1:2",
        "--epochs",
        str(EPOCHS),
        "--stopping",
        "none",
        "--seed",
        "1",
    ),
    *("--train-limit", "400", "--validation-size", "100", "--device", "cpu", "--threads", "1"),
]
DEADLINE = 600  # a dozen processes are started, each of which loads PyTorch or Ray; the machine may be busy
pytestmark = pytest.mark.timeout(3 * DEADLINE)


@pytest.fixture(autouse=True)
def equal_priority(monkeypatch):
    """Ray gives its workers a low priority (nice 15): beside other work they get 3% of a core."""
    monkeypatch.setenv("RAY_worker_niceness", "0")


@pytest.fixture
def cluster():
    """A head without cores and two nodes with one each, in processes of their own."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    made.shutdown()


@pytest.fixture
def ask(server):
    """A new database's URL, and a function that asks it in SQL; no rows as long as there are no tables."""
    url = server.new_database()
    engine = create_engine(url)

    def ask_(query):
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        except SQLAlchemyError:
            return []

    ask_.url = url
    yield ask_
    engine.dispose()


@pytest.fixture
def after(ask):
    """Waits until that many epochs are stored."""

    def wait(epochs):
        deadline = time.monotonic() + DEADLINE
        while len(ask("SELECT epoch FROM epochs")) < epochs:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return wait


def start(folder, *arguments):
    command = [sys.executable, "-m", "metaqnn.run", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def actors(cluster):
    """Process ids of a cluster's actors, by the title that Ray gives them and the folder of their logs."""
    listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=1) for line in listed.splitlines()]
    logs = {int(pid): Path(f"/proc/{pid}/fd/1") for pid, title in lines if title.startswith("ray::Stepped")}
    session = Path(cluster.head_node.get_session_dir_path()).resolve()
    return {pid for pid, log in logs.items() if session in log.resolve().parents}


def all_gone(cluster):
    deadline = time.monotonic() + DEADLINE
    while actors(cluster) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not actors(cluster)


@pytest.mark.slow
def test_worker_node_and_coordinator_die_and_every_network_is_trained_once(tmp_path, cluster, ask, after):
    place = ["--executor", "ray", "--address", cluster.address, "--workers", "2"]
    # The run folder is relative: what it means must not depend on where Ray's processes work.
    first = start(tmp_path, "--run-dir", "run", *SEARCH, *place, "--storage", ask.url.render_as_string())
    after(2)
    os.kill(min(actors(cluster)), signal.SIGKILL)
    after(8)
    cluster.add_node(num_cpus=1)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    after(16)
    assert first.poll() is None, first.communicate()
    first.kill()
    _, err = first.communicate(timeout=DEADLINE)
    assert "Traceback" not in err
    assert "raylet" not in err  # Ray's messages would drown ours
    assert all_gone(cluster)
    second = start(tmp_path, "--resume", "run")  # on the same cluster, which is stored
    out, err = second.communicate(timeout=DEADLINE)
    assert second.returncode == 0, err
    assert out.startswith(f"\n{NETWORKS} of {NETWORKS} networks: ")  # and none of Ray's messages
    networks = ask("SELECT number, finished_position, outcome, epochs FROM networks ORDER BY number")
    assert [row[0] for row in networks] == list(range(1, NETWORKS + 1))
    assert sorted(row[1] for row in networks) == list(range(1, NETWORKS + 1))
    assert {row[2:] for row in networks} <= {("completed", EPOCHS), ("chance", 3)}  # 50 steps
    assert ("completed", EPOCHS) in {row[2:] for row in networks}
    assert len(ask("SELECT DISTINCT architecture FROM networks")) == NETWORKS
    assert not [*(tmp_path / "run" / "checkpoints").iterdir()]
    assert all_gone(cluster)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_search_leaves_nothing_running(tmp_path, number):
    """Ctrl-C and termination, on a cluster that the search started itself: it ends with it."""
    process = start(tmp_path, "--run-dir", "run", *SEARCH, "--executor", "ray", "--workers", "2")
    deadline = time.monotonic() + DEADLINE
    while not (started := children(process.pid)) or not any("SteppedTrainer" in t for t in started.values()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "interrupted; resume with: metaqnn run --resume run"
    assert "Traceback" not in err
    assert not alive(started)


def children(pid):
    """Process id -> title of all descendants of a process."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    found, known = {}, {pid}
    for _ in range(5):  # generations
        found |= {int(row[0]): row[2] for row in rows if int(row[1]) in known}
        known |= set(found)
    return found


def alive(processes, seconds=DEADLINE):
    """The processes still there after that time; none as soon as all have ended."""
    deadline = time.monotonic() + seconds
    while True:
        states = {pid: Path(f"/proc/{pid}/cmdline") for pid in processes}
        left = {pid for pid, file in states.items() if file.exists() and file.read_bytes()}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)
