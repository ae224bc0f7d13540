"""Files of finished searches: each is there as a whole, says what it is of, and is not run again."""

import json
import os
from pathlib import Path
from typing import Any

from command_line import BenchmarkError

from trainers.files import write_whole


def store(file: Path, of: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write the facts of a search, and what decided about it besides its seed and the file's name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"of": of, **facts}), aside=f"{file.name}.{os.getpid()}")


def stored(file: Path, of: dict[str, Any]) -> bool:
    """Whether a search is there already; `BenchmarkError` if it is of something else."""
    if not file.exists():
        return False
    before = json.loads(file.read_text()).get("of", {})
    differing = [
        f"{name} {before.get(name)!r}, not {value!r}"
        for name, value in of.items()
        if before.get(name) != value
    ]
    if differing:
        raise BenchmarkError(f"{file} has {'; '.join(differing)}: name another --out")
    return True
