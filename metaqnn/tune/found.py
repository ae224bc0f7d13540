"""A network that a search has found, as what is tuned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metaqnn.config.environment import Environment
from metaqnn.export.candidate import ranked
from metaqnn.session.run_folder import reading
from metaqnn.tune.errors import TuneError
from trainers.families import FAMILIES

AS_IN_SEARCH = ("dataset", "image_size", "train_limit", "validation_size", "epochs")
"""Settings that a tuning of a found network has from its search, unless they are given."""


def of_search(
    given: dict[str, Any], place: Environment, rank: int | None
) -> tuple[dict[str, Any], Environment]:
    """Settings whose family may be the run folder of a search, with the network in its place.

    Args:
        given: settings that the user gave.
        place: where trials are trained; the data are by default where those of the search were.
        rank: of the network in `metaqnn top RUN`; None for 1.

    Raises:
        ExportError: there is no network of that rank.
        RunFolderError: the folder holds no search.
        TuneError: a rank without a run folder.
    """
    family = str(given["family"])
    if family in FAMILIES or "(" in family or not Path(family).is_dir():
        if rank is not None:
            raise TuneError(f"--rank is {rank}, but {family!r} is no run folder of a search")
        return given, place
    with reading(Path(family)) as reader:
        network = reader.network(ranked(reader, rank or 1))
        record = reader.record()
    inherited = {name: getattr(record.config, name) for name in AS_IN_SEARCH}
    if place.data_dir is None:
        place = place.but(data_dir=record.environment.get("data_dir"))
    return {**inherited, **given, "family": network["architecture"]}, place
