"""A small search, the faults that befall it, and the amount of fuzzing."""

import json
import os
import random
import runpy
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings

SEARCH = (
    *("--schedule", "1.0:5,0.1:3", "--epochs", "3", "--burn-in", "5", "--svr-settings", "10"),
    *("--delta", "0.7", "--train-limit", "300", "--validation-size", "100", "--keep-weights", "2"),
    *("--conv-widths", "8,16", "--fc-widths", "16", "--layer-limit", "4"),
    *("--device", "cpu", "--threads", "1", "--seed", "1"),
)
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("METAQNN_FUZZ", "200")),
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def hangups(handlers_as_before):
    """Restore hang-ups: under nohup they are ignored, and processes that we start inherit that."""
    signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture(scope="session")
def run_type(run_type):
    """run_type(folder): a small search in that folder."""
    return partial(run_type, options=SEARCH)


@pytest.fixture
def new_run(tmp_path, run_type):
    """new_run(name): a small search in a folder of that name."""
    return lambda name="run": run_type(tmp_path / name)


@pytest.fixture
def killed():
    """killed(how, kills, *command): repeat a command that is killed (see kill.py); return how often it was.

    With `disk`, the power of that disk is cut at each death; with `watch`, that folder is copied each time.
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
def undisturbed(tmp_path_factory, run_type):
    """The search without any fault."""
    run = run_type(tmp_path_factory.mktemp("undisturbed") / "run")
    assert run.here() == 0
    return run
