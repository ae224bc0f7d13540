"""What every benchmark begins and ends with: its command line, its line about the machine, and a stopwatch.

Bad input ends with one line and exit code 2.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from metaqnn.cli import OUR_PACKAGES, Parser
from predictor import LearningCurves
from predictor.curves.options import MANY, whole

positive = whole(1, MANY)
"""A `type` of arguments: how many, at least one."""


class BenchmarkError(ValueError):
    """Something that a benchmark cannot measure; the message is one line."""


def parser(docstring: str | None) -> Parser:
    """The command line of a script; --help begins with the first line of its docstring."""
    return Parser(description=(docstring or "").partition("\n")[0])


def execute(main: Callable[[], None]) -> None:
    """Call the main function of a script; errors that the user can correct are told in one line."""
    try:
        main()
    except ValueError as error:
        package = type(error).__module__.partition(".")[0]
        if package not in (*OUR_PACKAGES, "command_line", "surrogate"):
            raise
        print(f"{Path(sys.argv[0]).name}: error: {error}", file=sys.stderr)
        sys.exit(2)


def numbers(least: int) -> Callable[[str], list[int]]:
    """A `type` of arguments: whole numbers such as 0-9 or 3,5, each of them once and at least `least`."""
    number = whole(least, MANY)

    def read(text: str) -> list[int]:
        found: dict[int, None] = {}
        for part in text.split(","):
            first, dash, last = part.partition("-")
            several = range(number(first), number(last if dash else first) + 1)
            if not several:
                raise argparse.ArgumentTypeError(f"{part!r} ends before it begins; write it like 0-9 or 3,5")
            found |= dict.fromkeys(several)
        return list(found)

    return read


def completed(file: str | Path, least: int = 2) -> LearningCurves:
    """The curves in a file that have all epochs; `BenchmarkError` if there are fewer than `least`."""
    curves = LearningCurves.read(file)
    curves = curves[curves.completed]
    if len(curves) < least:
        raise BenchmarkError(f"{file} has {len(curves)} completed curves; at least {least} are needed")
    return curves


def described(*packages: str, used: str = "") -> str:
    """The machine as it is now, what is used of it, and the versions of Python and of packages."""
    cores = f"{processor()}, {os.cpu_count()} cores{used and f', {used}'}"
    versions = [f"{name} {version(name)}" for name in packages]
    python = f"Python {platform.python_version()}"
    return f"{cores}; load average {os.getloadavg()[0]:.1f}; {', '.join([python, *versions])}"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def seconds(job: Callable[[], object]) -> float:
    """How long a job takes, by the clock."""
    began = perf_counter()
    job()
    return perf_counter() - began
