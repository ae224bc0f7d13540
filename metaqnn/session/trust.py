"""Which functions of the user may be imported because a stored search names them.

A run folder may come from anybody, and `module:function` in it would run whatever has that name in the
working directory. So it is imported only where this user has started a search with it or has said that it is
trusted; a file of the user's own, outside all run folders, remembers where that was.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import platformdirs

from metaqnn.config.options import ConfigError
from metaqnn.session.run_folder import RunFolder
from trainers.datasets.functions import CALLABLE
from trainers.files import not_written, write_whole

_LOG = logging.getLogger(__name__)


def trust(dataset: str) -> None:
    """Remember that the user trusts a function of the working directory; other data sets need no trust.

    Raises:
        ConfigError: the working directory is a run folder, or lies in one.
    """
    if not CALLABLE.fullmatch(dataset):
        return
    _refuse_run_folders(dataset)
    known = _known()
    if _entry(dataset) in known:
        return
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_file(), json.dumps([*known, _entry(dataset)], indent=2) + "\n")
    except OSError as error:
        reason = not_written(_file(), error)
        _LOG.warning("%s is not remembered as trusted, so later commands will ask: %s", dataset, reason)


def require_trusted(dataset: str, trusted: bool = False) -> None:
    """Refuse the function that a stored search names unless the user has asked for it in this place.

    Args:
        dataset: as the search names it; anything but a function passes.
        trusted: whether the user says so now.

    Raises:
        ConfigError: it is not trusted, or the working directory is a run folder or lies in one.
    """
    if not CALLABLE.fullmatch(dataset):
        return
    _refuse_run_folders(dataset)
    if trusted:
        trust(dataset)
    elif _entry(dataset) not in _known():
        raise ConfigError(
            f"this search calls {dataset!r}, which would be imported from {str(Path.cwd())!r}, where you "
            "have not started a search with it: go to where you have, or, if you trust that code, add "
            "--trust-module"
        )


def _refuse_run_folders(dataset: str) -> None:
    here = Path.cwd()
    for path in (here, *here.parents):
        if RunFolder(path).kind() is not None:
            raise ConfigError(
                f"{dataset!r} is not imported from inside the run folder {str(path)!r}: "
                "go to where the module is"
            )


def _entry(dataset: str) -> list[str]:
    return [dataset, str(Path.cwd().resolve())]


def _file() -> Path:
    return Path(platformdirs.user_state_dir("metaqnn")) / "modules.json"


def _known() -> list[list[str]]:
    try:
        known = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return known if isinstance(known, list) else []
