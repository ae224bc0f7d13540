"""Notes that people keep on networks: in a file of the run folder, as they are not part of the search."""

from __future__ import annotations

import json
from pathlib import Path

from metaqnn.config.bounds import ROW
from predictor.files import small_json
from state_space.errors import printable, quoted
from trainers.files import alone, write_whole

NOTES = "notes.json"
LONGEST = 1000
"""Characters of a note."""


class NoteError(ValueError):
    """A note that cannot be kept, or a file of notes that cannot be read."""


def read_notes(run: Path) -> dict[int, str]:
    """The notes in a run folder: number of the network -> a line of text.

    Raises:
        NoteError: the file holds something else.
    """
    file = run / NOTES
    try:
        stored = small_json(file)
        return {int(ROW.read(number)): printable(note, keep="") for number, note in stored.items()}
    except FileNotFoundError:
        return {}
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise NoteError(f"{str(file)!r} holds no notes: {error}; correct or remove it") from None


def write_note(run: Path, number: int, note: str) -> None:
    """Keep a note on a network in place of an earlier one.

    Args:
        run: the run folder.
        number: of the network.
        note: one line; an empty one removes the earlier note.

    Raises:
        NoteError: the note is too long or not one printable line, or the file cannot be read or written.
    """
    if not note.isprintable() or len(note) > LONGEST:
        raise NoteError(
            f"the note is {quoted(note)}; it must be one line of at most {LONGEST:,} characters, "
            "all printable in the locale's encoding"
        )
    from filelock import Timeout  # as in `RunFolder.lock`

    try:
        with alone(run / "notes.lock"):
            notes = {**read_notes(run), number: note.strip()}
            kept = {str(one): text for one, text in sorted(notes.items()) if text}
            write_whole(run / NOTES, json.dumps(kept, indent=2) + "\n")
    except Timeout:
        raise NoteError(f"another process is writing a note in {str(run)!r}; try again") from None
    except OSError as error:
        raise NoteError(f"cannot write the note to {str(run)!r}: {error.strerror}") from None
