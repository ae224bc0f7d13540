"""Small searches as users run them, what must not depend on faults, and the size of the fuzzing."""

import json
import os
import random
import runpy
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings

from metaqnn.cli import main
from trainers.weights import TrainedNetwork

DEADLINE = 300  # for a machine that is busy with other work
SEARCH = (
    *("--schedule", "1.0:5,0.1:3", "--epochs", "3", "--burn-in", "5", "--svr-settings", "10"),
    *("--delta", "0.7", "--train-limit", "300", "--validation-size", "100", "--keep-weights", "2"),
    *("--conv-widths", "8,16", "--fc-widths", "16", "--layer-limit", "4"),
    *("--device", "cpu", "--threads", "1", "--seed", "1"),
)
QUERIES = (
    "SELECT number, architecture, epsilon, finished_position, outcome, attempt, epochs_trained, "
    "last_accuracy, final_accuracy, predicted_accuracy, reward FROM networks ORDER BY number",
    "SELECT proposal, network_id, position FROM samples ORDER BY proposal",
    "SELECT network_id, attempt, learning_rate, epoch, accuracy, loss FROM trainings "
    "JOIN epochs ON training_id = trainings.id ORDER BY network_id, attempt, epoch",
    "SELECT network_id, epoch, stop, reason, predicted_accuracy, probability FROM trainings "
    "JOIN decisions ON training_id = trainings.id ORDER BY network_id, attempt, epoch",
)


settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("METAQNN_FUZZ", "200")),
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


class Run:
    """A run folder and what a user does with it, in this process or as one of its own."""

    options = SEARCH

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def here(self, *more: str) -> int:
        """Run, or go on, to the end."""
        return main(["run", *self._place(), "--quiet", *map(str, more)])

    def start(self, *more: str, **options) -> subprocess.Popen:
        """Run, or go on, as a process of its own."""
        command = [sys.executable, "-m", "metaqnn.run", *self._place(), *map(str, more)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, **{**pipes, **options})

    def wait_for(self, epochs: int, process: subprocess.Popen) -> None:
        """Until that many epochs are stored, or the process has ended."""
        end = time.monotonic() + DEADLINE
        while self.epochs() < epochs and process.poll() is None:
            assert time.monotonic() < end, f"{self.epochs()} of {epochs} epochs after {DEADLINE} s"
            time.sleep(0.005)

    def epochs(self) -> int:
        """Epochs that are stored."""
        try:
            return self.rows("SELECT count(*) FROM epochs")[0][0]
        except sqlite3.Error:  # not there yet
            return 0

    def rows(self, query: str) -> list:
        """Ask the database."""
        with closing(sqlite3.connect(self.folder / "search.db")) as connection:
            return connection.execute(query).fetchall()

    def outcome(self) -> list:
        """All that faults must not change; Q-values follow from it, see tests/metaqnn/search/test_loop.py."""
        return [self.rows(query) for query in QUERIES]

    def weights(self) -> dict[str, tuple[float, dict]]:
        """File name -> accuracy and tensors of the networks whose weights are kept."""
        networks = {file.name: TrainedNetwork.read(file) for file in (self.folder / "weights").iterdir()}
        return {name: (network.accuracy, network.weights) for name, network in networks.items()}

    def assert_same(self, other: "Run") -> None:
        """That both searches ended alike, and left nothing else behind."""
        assert self.outcome() == other.outcome()
        kept, expected = self.weights(), other.weights()
        assert kept.keys() == expected.keys()
        for name, (accuracy, tensors) in kept.items():
            assert accuracy == expected[name][0]
            assert all(tensors[key].equal(tensor) for key, tensor in expected[name][1].items())
        assert not [*(self.folder / "checkpoints").iterdir()]

    def _place(self) -> list[str]:
        return ["--run-dir", str(self.folder), *self.options]


@pytest.fixture(autouse=True)
def handlers_as_before():
    """The commands put their own in place."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs without
    signal.signal(signal.SIGHUP, lambda *_: None)  # under nohup it is ignored, by processes of ours, too
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def run_type():
    """For runs at places of their own."""
    return Run


@pytest.fixture
def new_run(tmp_path):
    """Makes runs."""
    return lambda name="run": Run(tmp_path / name)


@pytest.fixture
def killed():
    """killed(how, kills, *command): repeat a command that is killed, see kill.py; returns how often.

    With `disk`, the power of that disk is cut at each death; with `watch`, that folder is copied at each.
    """

    def killed(how, kills, *command, disk=None, watch=None):
        seed = str(random.randrange(10**6))
        script = Path(__file__).with_name("kill.py")
        given = {"--power": disk, "--watch": watch}
        more = [str(word) for pair in given.items() if pair[1] is not None for word in pair]
        everything = [sys.executable, str(script), *more, how, str(kills), seed, *map(str, command)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(everything, capture_output=True, text=True, check=False, env=environment)
        said = f"{everything}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, said
        *before, last = (json.loads(line)["code"] for line in done.stdout.splitlines())
        by = signal.SIGKILL if how == "files" else signal.SIGPROF
        assert last == 0, said
        assert set(before) <= {-by}, said
        return len(before)

    return killed


@pytest.fixture
def disk(tmp_path):
    """A disk of its own: its `folder`, and `cut_power()`."""
    tools = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("disk.py"))))
    folder = tmp_path / "disk"
    if not tools.make_disk(folder):
        pytest.skip("a disk can be mounted by root on Linux only")
    yield SimpleNamespace(folder=folder, cut_power=partial(tools.cut_power, folder, names_survive=False))
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The search that nothing befell."""
    run = Run(tmp_path_factory.mktemp("undisturbed") / "run")
    assert run.here() == 0
    return run
