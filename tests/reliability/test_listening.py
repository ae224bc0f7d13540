"""Everything listens on this machine alone, unless told otherwise, as Linux shows in /proc."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

LISTENING = "0A"
DEADLINE = 300  # Ray's processes have a low priority
pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")


def family(process):
    """A process and all its descendants."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def addresses(process):
    """The addresses on which a process and its descendants listen for TCP connections."""
    table = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENING:
                table[f"socket:[{inode}]"] = ip(local.partition(":")[0])
    return {table[link] for link in map(opened, descriptors(process)) if link in table}


def descriptors(process):
    for one in family(process):
        try:
            yield from Path(f"/proc/{one}/fd").iterdir()
        except OSError:
            continue


def opened(descriptor):
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""


def ip(text):
    """As /proc writes it: 32-bit words in the machine's byte order."""
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


@pytest.mark.parametrize(
    ("bound", "family_"),
    [("127.0.0.1", socket.AF_INET), ("0.0.0.0", socket.AF_INET), ("::1", socket.AF_INET6)],
)
def test_sockets_of_this_process_are_found(bound, family_):
    """Otherwise the tests below could not fail."""
    with socket.socket(family_) as listening:
        listening.bind((bound, 0))
        listening.listen()
        assert bound in addresses(os.getpid())


def test_the_dashboard(undisturbed):
    command = [sys.executable, "-m", "metaqnn", "dashboard", str(undisturbed.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("dashboard: http://127.0.0.1:")
            assert addresses(process.pid) == {"127.0.0.1"}
        finally:
            process.terminate()


def has_actor(process):
    """Whether Ray has started one for a search; it gives it that name."""
    for one in family(process):
        try:
            if "SteppedTrainer" in (Path("/proc") / str(one) / "cmdline").read_text():
                return True
        except OSError:
            continue
    return False


def test_a_ray_cluster_that_a_search_starts(new_run):
    pytest.importorskip("ray")
    process = new_run().start("--executor", "ray")
    end = time.monotonic() + DEADLINE
    try:
        while not has_actor(process.pid) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        started, found = has_actor(process.pid), addresses(process.pid)
    finally:
        process.terminate()
        _, said = process.communicate()
    assert started, said
    assert found, said
    assert found <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
