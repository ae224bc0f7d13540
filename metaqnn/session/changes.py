"""What is not as it was when a search goes on; each change is told in a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from metaqnn.config.environment import Environment
from metaqnn.config.options import AUTO, flag
from metaqnn.database import SearchRecord
from metaqnn.session.preparation import Prepared
from trainers import DeviceError, choose_device, choose_precision
from trainers.device import auto_precision


def changes_since(record: SearchRecord, prepared: Prepared, *, goes_on: bool = True) -> Iterator[str]:
    """Notes on a search of which networks are trained as `prepared`.

    Args:
        record: of the search, as stored before.
        prepared: with the precision that they are trained in.
        goes_on: whether the search itself goes on so.
    """
    lasting = " from now on" if goes_on else ""
    yield from _precision(Environment.stored(record.environment).precision, prepared, lasting)
    yield from _versions(record.versions, prepared.record.versions)


def require_precision(environment: Environment) -> None:
    """Raise DeviceError if the device lacks the precision that a search was trained in."""
    device = choose_device(environment.device)
    try:
        choose_precision(device, environment.precision)
    except DeviceError:
        raise DeviceError(
            f"this search was trained in {environment.precision}, which is not supported on device "
            f"{device.type!r}; {flag('precision')} float32 goes on without it"
        ) from None


def _precision(before: str, prepared: Prepared, lasting: str) -> Iterator[str]:
    now, here = prepared.environment.precision, auto_precision(prepared.environment.device)
    if before == AUTO:  # as it was stored at first
        yield f"trained in {now}{lasting}; in which precision so far was not stored"
    elif before != now:
        yield f"trained in {now}{lasting}, so far in {before} ({flag('precision')} {before} keeps that)"
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
