"""Files of finished searches: each is written wholly, says what search it is of, and is not run again.

That includes the content of the curves and the code, so that no results of others are taken over.
"""

import json
import os
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from command_line import BenchmarkError

from metaqnn.cli import OUR_PACKAGES
from trainers.files import write_whole

MENTIONED = 3
"""Differences that are named; there are many if another version stored the file."""


def store(file: Path, of: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write the facts of a search, and what determined it besides its seed and the file's name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"of": of, **facts}), aside=f"{file.name}.{os.getpid()}")


def stored(file: Path, of: dict[str, Any]) -> bool:
    """Whether a search is stored already; `BenchmarkError` if the file is of something else."""
    if not file.exists():
        return False
    before = json.loads(file.read_text()).get("of", {})
    differing = [
        f"{name} {before.get(name)!r}, not {value!r}"
        for name, value in json.loads(json.dumps(of)).items()
        if before.get(name) != value
    ]
    if differing:
        raise BenchmarkError(f"{file} has {'; '.join(differing[:MENTIONED])}: name another --out")
    return True


def digest(*files: Path) -> str:
    """A few letters and digits that differ if the content of the files does."""
    found = sha256()
    for file in files:
        found.update(sha256(file.read_bytes()).digest())
    return found.hexdigest()[:12]


def code(*own: Path) -> str:
    """The same of our packages, as they are imported here, and of a benchmark's own files."""
    specs = [find_spec(name) for name in OUR_PACKAGES]
    folders = [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin is not None]
    return digest(*(file for folder in folders for file in sorted(folder.rglob("*.py"))), *own)
