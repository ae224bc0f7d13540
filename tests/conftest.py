"""What tests of several packages need."""

import os
import subprocess

import pytest


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
