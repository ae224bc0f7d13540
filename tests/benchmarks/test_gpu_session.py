"""The session on a GPU, with a stand-in for Python: it is rarely run, and always unattended.

The machine that it is made for returns at most eight files, at most two folders deep, or none at all; and it
ends a command after 600 seconds.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = """#!/usr/bin/env bash
case "$*" in
    *load_dataset*) mkdir -p "$XDG_CACHE_HOME"; touch "$XDG_CACHE_HOME"/{1..20} ;;
    "-m pytest"*) until [[ -e $XDG_CACHE_HOME/20 ]]; do sleep 0.02; done; echo fact >>"$GPU_FACTS" ;;
    *--run-dir*)
        mkdir -p "$4"/{checkpoints,weights}
        touch "$4"/{search.db,owner.txt,{checkpoints,weights}/{1..5}} ;;
esac
[[ $* == "$STUCK"* ]] || exit 0
touch "$MARK"
while [[ -e $MARK ]]; do sleep 0.02; done
"""


@pytest.fixture
def session(tmp_path):
    """session(stuck): a running session and its OUT; the command with those arguments runs until the end."""
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "work").mkdir()
    mark, out = tmp_path / "mark", tmp_path / "out"
    own = {"PYTHON": str(tmp_path / "python"), "MARK": str(mark), "TMPDIR": str(tmp_path / "work")}
    environment = {name: text for name, text in os.environ.items() if name != "METAQNN_GPU"}

    def start(stuck):
        command = ["bash", "benchmarks/gpu_session.sh", str(tmp_path), str(out)]
        given = {**environment, **own, "STUCK": stuck}
        return subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.DEVNULL), out

    yield start
    mark.unlink(missing_ok=True)


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("stage", ["-m pytest", "-m metaqnn top"])
def test_a_session_that_is_cut_off_leaves_no_more_than_comes_back(session, tmp_path, stage):
    running, out = session(stage)
    while not (tmp_path / "mark").exists():
        assert running.poll() is None
        time.sleep(0.02)
    running.kill()
    running.wait()
    found = files(out)
    assert {"report.txt", "facts.txt"} <= found
    assert len(found) <= 8
    assert max(name.count("/") for name in found) <= 2


def test_a_session_leaves_its_report_the_facts_and_the_search(session, tmp_path):
    running, out = session("nothing")
    assert running.wait() == 0
    assert files(out) == {"report.txt", "facts.txt", "run/search.db", "run/owner.txt"}
    assert (out / "report.txt").read_text().splitlines()[-1].startswith("== all done")
    assert not files(tmp_path / "work")


def test_the_stages_of_a_session_end_within_the_time_that_a_machine_is_lent_for(session):
    running, out = session("nothing")
    running.wait()
    limits = re.findall(r"\(limit (\d+) s\)", (out / "report.txt").read_text())
    assert 0 < sum(map(int, limits)) <= 600


def test_tests_that_lose_the_device_take_no_tests_of_others_with_them(session):
    """A process that has lost its device fails from then on; the workers' tests have one of their own."""
    running, out = session("nothing")
    running.wait()
    begun = [line for line in (out / "report.txt").read_text().splitlines() if "-m pytest" in line]
    assert [("trainers" in line, "executors" in line) for line in begun] == [(True, False), (False, True)]
