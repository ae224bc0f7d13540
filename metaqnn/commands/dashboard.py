"""`metaqnn dashboard`: live pages about searches, in a browser."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path

from metaqnn.commands.common import run_path
from metaqnn.config.bounds import Bounds
from metaqnn.session.find import existing_run
from metaqnn.session.run_folder import RunFolder
from state_space.errors import printable

EXAMPLES = """examples:
  metaqnn dashboard runs/NAME                 then open the address that it prints
  metaqnn dashboard runs/*/ --open            several runs side by side; opens a browser
  metaqnn dashboard runs/NAME --port 8600

It only reads, and can run during the search. Without --host only this machine can reach it; there is no
password. To reach it from elsewhere, use a tunnel:
ssh -L 8500:127.0.0.1:8500 MACHINE."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn dashboard`."""
    parser.add_argument("runs", type=run_path, nargs="+", metavar="RUN", help="run folders, or latest")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=Bounds(0, 65535), help="port to serve on (default: the first free one from 8500 on)"
    )
    parser.add_argument("--open", action="store_true", help="open a browser")


def execute(namespace: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    runs = _searches(namespace.runs)
    from metaqnn.dashboard import Dashboard  # drawing is slow to import
    from metaqnn.dashboard.security import allowed_hosts, is_loopback
    from metaqnn.dashboard.server import listen, serve, url_of
    from metaqnn.report.scripts import bundle

    listening = listen(namespace.host, namespace.port)
    address = listening.getsockname()[0]
    if not is_loopback(address):
        print("warning: everybody who can reach this machine can read these runs", file=sys.stderr)
    try:
        bundle()  # the first time takes seconds: better now than while a page waits
        print(f"dashboard: {url_of(listening)}  (Ctrl-C stops it)", flush=True)
        if namespace.open:
            webbrowser.open(url_of(listening))
        serve(Dashboard(runs, allowed_hosts(namespace.host, address)), listening)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            print("dashboard stopped", file=sys.stderr)
    return 0


def _searches(runs: list[Path]) -> list[Path]:
    """The run folders without those of tunings and trainings, as in runs/*/; all if no others are there.

    Raises:
        RunFolderError: one holds no search.
    """
    searches = [run for run in runs if RunFolder(run).kind() in ("search", None)] or runs
    for run in searches:
        existing_run(run)
    for run in runs:
        if run not in searches:
            print(f"note: {printable(repr(str(run)))} holds no search and is left out", file=sys.stderr)
    return searches
