"""A search as TensorBoard logs: one run for each network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from metaqnn.database.queries import SearchReader
from metaqnn.mirrors.mirror import Mirror, MirroredNetwork, MirrorError, identity
from predictor.extras import require
from trainers.files import write_whole

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

MARK = "metaqnn-search.txt"
EVENTS = "events.out.tfevents.metaqnn"
UNFINISHED = "unfinished"
"""A name that TensorBoard ignores; it would read `EVENTS.new`."""
SCALARS = {"accuracy": "accuracy", "loss": "loss", "forecast": "predicted_accuracy"}
"""The scalars of each epoch, and the columns they come from."""
RESULTS = {
    "final/observed": "final_accuracy",
    "final/predicted": "predicted_accuracy",
    "final/reward": "reward",
}
"""The results that the HPARAMS page shows for a network; unknown ones are missing."""


class TensorBoardMirror(Mirror):
    """Folders `network-00017` with one complete event file each.

    Each has the scalars `accuracy`, `loss` and `forecast` (y_hat_T, where the stopping rule has one)
    per epoch, the text `architecture`, and the network's parameters with `final/observed` (y_T),
    `final/predicted` (y_hat_T, of stopped networks only) and `final/reward`. Times are those of the
    training. One file is open at a time.

    Args:
        folder: a folder for this search only; created if needed.
        reader: reads the search.

    Raises:
        MissingPackageError: TensorBoard is not installed.
        MirrorError: the folder belongs to another search, or cannot be written.
    """

    def __init__(self, folder: Path, reader: SearchReader) -> None:
        _require_tensorboard()
        self.folder = folder
        self.place = str(folder)
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._claim(identity(reader))

    def _claim(self, search: str) -> None:
        mark = self.folder / MARK
        if not mark.exists():
            _require_empty(self.folder)
            write_whole(mark, search, UNFINISHED)
        if mark.read_bytes() != search.encode():
            raise MirrorError(f"{str(self.folder)!r} holds another search; give a new folder")

    def numbers(self) -> set[int]:
        """See `Mirror`."""
        names = (
            path.parent.name.removeprefix("network-") for path in self.folder.glob(f"network-*/{EVENTS}")
        )
        return {int(name) for name in names if name.isdecimal()}

    def add(self, network: MirroredNetwork) -> None:
        """See `Mirror`."""
        with _explained(self.folder):
            place = self.folder / f"network-{network.number:05}"
            place.mkdir(exist_ok=True)
            write_whole(place / EVENTS, _content(network), UNFINISHED)


def require_unused(folder: Path) -> None:
    """Refuse a folder that a search that has not begun cannot be copied to. Raises as `TensorBoardMirror`."""
    _require_tensorboard()
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _require_empty(folder)


def _require_empty(folder: Path) -> None:
    if any(folder.iterdir()):
        raise MirrorError(f"{str(folder)!r} holds something else; give a new folder")


def _require_tensorboard() -> None:
    require("tensorboard", "the TensorBoard mirror", "metaqnn[tensorboard]")


def _content(network: MirroredNetwork) -> bytes:
    """The event file."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    content = BytesIO()
    writer = RecordWriter(content)
    for event in _events(network):
        writer.write(event.SerializeToString())
    return content.getvalue()


def _events(network: MirroredNetwork) -> Iterator[Event]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.text.summary_v2 import text_pb

    time = network.started_at
    yield Event(wall_time=time, file_version="brain.Event:2")
    yield Event(wall_time=time, summary=text_pb("architecture", network.facts["architecture"]))
    yield Event(wall_time=time, summary=_hparams(network))
    for epoch in network.epochs:
        time += epoch["seconds"]
        summary = _scalars({tag: epoch[column] for tag, column in SCALARS.items()})
        yield Event(wall_time=time, step=epoch["epoch"], summary=summary)
    results = _scalars({tag: network.facts[column] for tag, column in RESULTS.items()})
    yield Event(wall_time=network.facts["finished_at"], step=len(network.epochs), summary=results)


def _scalars(values: dict[str, float | None]) -> Summary:
    from tensorboard.compat.proto.summary_pb2 import Summary

    known = {tag: value for tag, value in values.items() if value is not None}
    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in known.items()])


def _hparams(network: MirroredNetwork) -> Summary:
    """The network's row of the HPARAMS page; TensorBoard works out the columns itself."""
    # Documented as tensorboard.plugins.hparams.api.hparams_pb, whose import needs TensorFlow.
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    values = {**network.parameters, "outcome": network.facts["outcome"]}
    return hparams_pb(values, f"network {network.number}", network.started_at)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn a disk's errors into one clear line."""
    try:
        yield
    except OSError as error:
        reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
        raise MirrorError(f"cannot write to {str(folder)!r}: {reason}") from None
