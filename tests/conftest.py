"""What tests of several packages need."""

import gc
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

with suppress(ImportError):  # a lent machine with a GPU does without
    from hypothesis import settings

    settings.register_profile("any machine", deadline=None)  # one that is busy is no failure
    settings.load_profile("any machine")


def pytest_collection_modifyitems(items):
    """Skip tests marked `slow` without METAQNN_SLOW.

    Those marked `gpu` without an NVIDIA GPU, too, unless METAQNN_GPU names a device to try them on.
    """
    if "METAQNN_SLOW" not in os.environ:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; METAQNN_SLOW=1 runs it"))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked or "METAQNN_GPU" in os.environ:
        return
    import torch  # not for tests that do without it

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
def own_state(tmp_path_factory):
    """What this user has allowed or cached neither matters to the tests nor is changed by them.

    Only what takes seconds to make is the user's: caches of others (Matplotlib's) and our script of charts.
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
    """What Ray, browsers and others leave in the folder for temporary files is removed after the last test.

    The tests' own folders are elsewhere: those of failed tests are kept.
    """
    folder = tempfile.TemporaryDirectory(prefix="metaqnn-", ignore_cleanup_errors=True)
    with folder as path, pytest.MonkeyPatch.context() as patch:
        os.chmod(path, 0o711)  # root's PostgreSQL server is another user's process
        patch.setenv("TMPDIR", path)
        patch.setattr(tempfile, "tempdir", path)
        yield


@pytest.fixture
def mounted():
    """mounted(folder, options): make a folder that is a file system in memory, or skip the test."""
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
    gc.collect()  # SQLAlchemy 2.0 leaves a file open where a database could not be opened
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
    """fill(leave): occupy all but that many bytes of the small disk with a file `filler`."""

    def occupy(leave):
        status = os.statvfs(small_disk)
        (small_disk / "filler").write_bytes(bytes(status.f_bavail * status.f_frsize - leave))

    return occupy
