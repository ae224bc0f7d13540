"""Stopped networks that an audit found better than those a search would name its best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metaqnn.database.queries import SearchReader
from metaqnn.output import command, percent

MOST_NAMED = 5


def audited_note(reader: SearchReader, best: Sequence[Mapping[str, Any]], run: Path) -> str:
    """A line about audited networks that would be among the best, and how to take them; "" without any.

    They are not in the list, because the search stopped them and knows nothing of their end.

    Args:
        reader: the search.
        best: networks from `SearchReader.top`, the best first.
        run: its run folder, for the command.
    """
    listed = {row["number"]: row["final_accuracy"] for row in best}
    afterwards = {
        row["number"]: row["final_accuracy"]
        for row in reader.audits()
        if not row["in_loop"] and row["final_accuracy"] is not None
    }
    last = min(listed.values(), default=1.0)
    better = {number: accuracy for number, accuracy in afterwards.items() if accuracy > last}
    if not better:
        return ""
    order = sorted(better, key=lambda number: -better[number])
    named = [f"{number} ({percent(better[number])})" for number in order[:MOST_NAMED]]
    named += [f"{len(order) - MOST_NAMED} more"] if len(order) > MOST_NAMED else []
    together = {**listed, **better}
    chosen = sorted(together, key=lambda number: -together[number])[: min(len(listed), MOST_NAMED)]
    return (
        f"stopped networks that `metaqnn audit` found better than the last of these: {', '.join(named)}; "
        f"with them, the best are: {command('finetune', run, '--networks', *chosen)}"
    )
