"""What is not as it was when a search goes on; each change is told in a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from metaqnn.config.environment import Environment
from metaqnn.config.options import AUTO, flag
from metaqnn.database import SearchRecord
from metaqnn.session.preparation import Prepared
from trainers.device import auto_precision


def changes_since(record: SearchRecord, prepared: Prepared) -> Iterator[str]:
    """Notes on a search that goes on as `prepared`.

    Args:
        record: of the search, as stored before.
        prepared: with the precision that it goes on with.
    """
    yield from _precision(Environment.stored(record.environment).precision, prepared)
    yield from _versions(record.versions, prepared.record.versions)


def _precision(before: str, prepared: Prepared) -> Iterator[str]:
    now, here = prepared.environment.precision, auto_precision(prepared.environment.device)
    if before == AUTO:  # as it was stored at first
        yield f"trained in {now} from now on; in which precision so far was not stored"
    elif before != now:
        yield f"trained in {now} from now on, so far in {before} ({flag('precision')} {before} keeps that)"
    elif here != now and prepared.environment.executor != "ray":
        yield f"trained in {now}, as before; for this device {here} would be chosen"


def _versions(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    others = [
        f"{name} is {now[name]} here and was {was} at the start"
        for name, was in (before.items() if isinstance(before, Mapping) else ())  # it may be damaged
        if now.get(name, was) != was
    ]
    if others:
        yield f"{'; '.join(others)}: results may differ"
