"""`metaqnn note`: keep a line of text with a network."""

from __future__ import annotations

import argparse

from metaqnn.commands.common import add_run
from metaqnn.config.bounds import ROW
from metaqnn.session.find import reading
from metaqnn.session.notes import write_note

EXAMPLES = """examples:
  metaqnn note runs/NAME 17 "half the size of 12, use this one"
  metaqnn note runs/NAME 17 ""             removes the note

top, show, report and dashboard show the notes. They are in RUN/notes.json; the search does not read them."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn note`."""
    add_run(parser)
    parser.add_argument("id", type=ROW, metavar="ID", help="the network's number, as `metaqnn top` prints it")
    parser.add_argument("text", metavar="TEXT", help="the note, one line; it replaces an earlier one")


def execute(namespace: argparse.Namespace) -> int:
    """Keep the note, if there is such a network."""
    with reading(namespace.run) as reader:
        reader.network(namespace.id)
    write_note(namespace.run, namespace.id, namespace.text)
    print(f"network {namespace.id}: {namespace.text.strip() or 'no note'}")
    return 0
