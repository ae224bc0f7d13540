"""Fixtures for the tests of several packages."""

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

with suppress(ImportError):  # a lent machine with a GPU does not have it
    from hypothesis import settings

    settings.register_profile("any machine", deadline=None)  # a busy machine is no failure
    settings.load_profile("any machine")

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # blocks of the docs import onnxruntime themselves
HANDLED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")


def pytest_collection_modifyitems(items):
    """Skip tests marked `slow` unless METAQNN_SLOW is set.

    Without an NVIDIA GPU, skip those marked `gpu`, too, unless METAQNN_GPU names a device to try them on.
    """
    if "METAQNN_SLOW" not in os.environ:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; METAQNN_SLOW=1 runs it"))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked or "METAQNN_GPU" in os.environ:
        return
    import torch  # only where tests need it

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))


@pytest.fixture(scope="session")
def gpu():
    """The device of tests marked `gpu`."""
    return os.environ.get("METAQNN_GPU", "cuda")


@pytest.fixture
def fact(request):
    """fact(name, value): write down what was measured, in the file GPU_FACTS if there is one."""

    def write(name, value):
        line = f"{request.node.name}: {name}: {value}"
        print(line)
        if "GPU_FACTS" in os.environ:
            with open(os.environ["GPU_FACTS"], "a") as file:
                file.write(f"{line}\n")

    return write


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """Shells start background jobs with SIGINT ignored, and a CI may run the tests as one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def handlers_as_before():
    """Put the signal handlers back: commands that can be interrupted install their own."""
    numbers = [getattr(signal, name) for name in HANDLED if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory):
    """What this user has allowed or cached neither affects the tests nor is changed by them.

    Only what takes seconds to make is shared: others' caches (Matplotlib's) and our script for charts.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = tmp_path_factory.mktemp("cache")
    (cache / "metaqnn").mkdir()
    for kept in (*caches.glob("*"), *caches.glob("metaqnn/*.js")):
        if kept.name != "metaqnn":
            (cache / kept.relative_to(caches)).symlink_to(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CACHE_HOME", str(cache))
        yield


@pytest.fixture(scope="session", autouse=True)
def own_temporary_files(own_state):
    """After the last test, remove what Ray, browsers and others have left in the folder for temporary files.

    The tests' own folders are elsewhere; those of failed tests are kept.
    """
    folder = tempfile.TemporaryDirectory(prefix="metaqnn-", ignore_cleanup_errors=True)
    with folder as path, pytest.MonkeyPatch.context() as patch:
        os.chmod(path, 0o711)  # if root runs the tests, another user runs the PostgreSQL server
        patch.setenv("TMPDIR", path)
        patch.setattr(tempfile, "tempdir", path)
        yield


@pytest.fixture
def mounted():
    """mounted(folder, options): mount a file system in memory at a new folder, or skip the test."""
    folders = []

    def mount(folder, options):
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            done = False
        if not done:
            pytest.skip("a small file system can be mounted by root only")
        folders.append(folder)

    yield mount
    gc.collect()  # SQLAlchemy 2.0 leaves the file open if it could not open the database
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path, mounted):
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    mounted(folder, "size=4m")
    return folder


@pytest.fixture
def fill(small_disk):
    """fill(leave): fill the small disk, all but that many bytes, with a file `filler`."""

    def occupy(leave):
        status = os.statvfs(small_disk)
        (small_disk / "filler").write_bytes(bytes(status.f_bavail * status.f_frsize - leave))

    return occupy


DEADLINE = 300  # for a machine that is busy with other work
QUERIES = (
    "SELECT number, architecture, epsilon, finished_position, outcome, attempt, epochs_trained, "
    "last_accuracy, final_accuracy, predicted_accuracy, reward FROM networks ORDER BY number",
    "SELECT proposal, network_id, position FROM samples ORDER BY proposal",
    "SELECT network_id, attempt, learning_rate, epoch, accuracy, loss FROM trainings "
    "JOIN epochs ON training_id = trainings.id ORDER BY network_id, attempt, epoch",
    "SELECT network_id, epoch, stop, reason, predicted_accuracy, probability FROM trainings "
    "JOIN decisions ON training_id = trainings.id ORDER BY network_id, attempt, epoch",
)


class Run:
    """A run folder and what a user does with it, in this process or in a separate one."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder = folder
        self.options = options

    def here(self, *more: str) -> int:
        """Run or resume the search to its end."""
        from metaqnn.cli import main  # only where tests need it

        return main(["run", *self._place(), "--quiet", *map(str, more)])

    def start(self, *more: str, **options) -> subprocess.Popen:
        """Run or resume the search in a process of its own."""
        command = [sys.executable, "-m", "metaqnn.run", *self._place(), *map(str, more)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, **{**pipes, **options})

    def wait_for(self, epochs: int, process: subprocess.Popen) -> None:
        """Wait until that many epochs are stored, or the process has ended."""
        end = time.monotonic() + DEADLINE
        while self.epochs() < epochs and process.poll() is None:
            assert time.monotonic() < end, f"{self.epochs()} of {epochs} epochs after {DEADLINE} s"
            time.sleep(0.005)

    def epochs(self) -> int:
        """The number of stored epochs."""
        try:
            return self.rows("SELECT count(*) FROM epochs")[0][0]
        except sqlite3.Error:  # not there yet
            return 0

    def rows(self, query: str) -> list:
        """Query the database."""
        with closing(sqlite3.connect(self.folder / "search.db")) as connection:
            return connection.execute(query).fetchall()

    def outcome(self) -> list:
        """All that no fault may change; Q-values follow from it, see tests/metaqnn/search/test_loop.py."""
        return [self.rows(query) for query in QUERIES]

    def weights(self) -> dict[str, tuple[float, dict]]:
        """File name -> accuracy and tensors of the networks whose weights are kept."""
        from trainers.weights import TrainedNetwork

        networks = {file.name: TrainedNetwork.read(file) for file in (self.folder / "weights").iterdir()}
        return {name: (network.accuracy, network.weights) for name, network in networks.items()}

    def assert_same(self, other: "Run") -> None:
        """Check that both searches ended alike, and that this one left no checkpoints behind."""
        assert self.outcome() == other.outcome()
        kept, expected = self.weights(), other.weights()
        assert kept.keys() == expected.keys()
        for name, (accuracy, tensors) in kept.items():
            assert accuracy == expected[name][0]
            assert all(tensors[key].equal(tensor) for key, tensor in expected[name][1].items())
        assert not [*(self.folder / "checkpoints").iterdir()]

    def _place(self) -> list[str]:
        return ["--run-dir", str(self.folder), *self.options]


@pytest.fixture(scope="session")
def run_type():
    """run_type(folder, options): a search in that folder, with those options of `metaqnn run`."""
    return Run
