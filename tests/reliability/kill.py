"""A command that is killed again and again, in processes forked from one that has started no thread.

    python tests/reliability/kill.py files|moments KILLS SEED COMMAND [ARGUMENTS of metaqnn COMMAND]
    python tests/reliability/kill.py [--power DISK] [--watch FOLDER] files|moments ...

`files`: each process dies just before or after one of its calls of fsync, rename or unlink; `moments`: at any
time. The command is repeated until it ends by itself; after KILLS kills it may end. Prints a line of JSON
for each process. With --power, the disk that is mounted at DISK loses its power at each death (see disk.py).
With --watch, FOLDER as each death leaves it is copied to FOLDER-0, FOLDER-1, ...
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from disk import cut_power

from metaqnn.cli import main

SLOW = (
    "sklearn.datasets",
    "metaqnn.executors",
    "metaqnn.commands.banner",
    "metaqnn.session.start",
    "metaqnn.commands.bars",
    "metaqnn.finetune.preparation",
    "metaqnn.export.exporting",
    "metaqnn.report.files",
)
"""What commands import; imported once here for all processes."""
FILE_STEPS = ((os, "fsync"), (os, "replace"), (Path, "unlink"))
LATEST_CALL = 5
LONGEST = 0.7
"""Seconds of CPU time, about half a small search."""


def process(command: list[str], prepare: Callable[[], object]) -> int:
    """Run a command in a process of its own, quietly. Returns its exit code."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        prepare()
        os._exit(main(command))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(module: object, name: str, call: int, after: bool) -> None:
    """Make this process kill itself at the call-th call of a function."""
    original, count = getattr(module, name), 0

    def fatal(*args, **kwargs):
        nonlocal count
        count += 1
        if count == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if count == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, fatal)


def at_a_step(turn: int, rng: random.Random) -> tuple[str, Callable[[], object]]:
    """The six places in turn, each at a random call: its description, and what prepares a process."""
    module, name = FILE_STEPS[turn % 3]
    call, after = rng.randint(2, LATEST_CALL), turn // 3 % 2 == 1
    return f"{'after' if after else 'before'} {name} {call}", lambda: die_at(module, name, call, after)


def at_a_moment(turn: int, rng: random.Random) -> tuple[str, Callable[[], object]]:
    """After a random CPU time the kernel ends it in its tracks, as kill -9 does, however busy the machine."""
    moment = rng.uniform(0.01, LONGEST)
    return f"{moment:.2f}", lambda: signal.setitimer(signal.ITIMER_PROF, moment)


def repeat(options: argparse.Namespace) -> None:
    """Kill and repeat the command, and finally let it end."""
    sys.modules["pyarrow"] = None  # pandas would import it, and its allocator starts a thread
    for module in SLOW:
        import_module(module)
    assert len(os.listdir("/proc/self/task")) == 1, "a fork of a process with threads may hang"
    choose = {"files": at_a_step, "moments": at_a_moment}[options.how]
    rng, code = random.Random(options.seed), -1
    for turn in range(options.kills + 1):
        where, prepare = ("end", lambda: None) if turn == options.kills else choose(turn, rng)
        code = process(options.command, prepare)
        print(json.dumps({"code": code, "where": where}), flush=True)
        if code >= 0:
            break
        if options.power is not None:
            cut_power(options.power, names_survive=rng.random() < 0.5)
        if options.watch is not None and options.watch.exists():
            shutil.copytree(options.watch, f"{options.watch}-{turn}")


def arguments() -> argparse.Namespace:
    """The arguments of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--power", type=Path, metavar="DISK")
    parser.add_argument("--watch", type=Path, metavar="FOLDER")
    parser.add_argument("how", choices=["files", "moments"])
    parser.add_argument("kills", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


if __name__ == "__main__":
    repeat(arguments())
