"""What machine a benchmark ran on, for the line that every benchmark prints; and a stopwatch."""

import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter


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
