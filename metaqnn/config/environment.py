"""Where and how networks are trained: what may change when a search is resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from metaqnn.config.bounds import Bounds
from metaqnn.config.options import AUTO, ConfigError, flag, option, require, require_bounds
from metaqnn.config.stored import from_json
from state_space.errors import did_you_mean, quoted

EXECUTORS = ("local", "ray")
DATA = ("data_dir", "download", "strict")
DEVICE = ("device", "precision", "threads", "deterministic")
WORKERS = ("workers", "workers_per_gpu", "executor", "address", "epoch_timeout")
PROCESSES = Bounds(1, 1024)
"""How many processes or threads one machine may be asked for."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where and how networks are trained. This may change accuracies by rounding, and `precision` by more.

    Raises:
        ConfigError: a value is out of range; the message names the option and quotes the value.
    """

    data_dir: str | None = option(None, "where to look for data sets before downloading them")
    download: bool = option(True, "download missing data sets")
    strict: bool = option(
        False, "refuse a data set if one of its image files cannot be read, instead of skipping it"
    )
    device: str = option(AUTO, "auto (the fastest available), cuda, cuda:1, mps or cpu", metavar="DEVICE")
    precision: str = option(AUTO, "auto (bfloat16 where native), float32 or bfloat16")
    threads: int | None = option(
        None,
        "CPU threads for training (default: 1 for a tuning, or for a search with small networks; else all)",
        within=PROCESSES,
    )
    deterministic: bool = option(
        False,
        "on a GPU, let cuDNN use only kernels that give the same bits every time; others are faster. A CPU "
        "always gives the same bits",
    )
    checkpoint_every: float = option(
        30.0,
        "save a network in training this often, and after its last epoch; after a kill, the epochs since "
        "then are trained again; 0 saves every epoch",
        metavar="SECONDS",
        within=Bounds(0, 10**8, whole=False),
    )
    keep_weights: int = option(
        5,
        "keep the trained weights of the best K networks in the run folder; if K is lowered, the others are "
        "removed",
        metavar="K",
        within=Bounds(0, 10**6),
    )
    workers: int | str = option(
        1,
        "networks trained in parallel, or auto: one for every --threads CPU cores, or as many as fit on the "
        "GPUs or the Ray cluster",
        metavar="N",
        within=PROCESSES,
    )
    workers_per_gpu: int | str = option(
        1,
        "with --workers auto: workers per GPU, or auto: as many as memory and CPU cores allow, at most 4 "
        "(on Ray: 1)",
        metavar="N",
        within=PROCESSES,
    )
    executor: str = option("local", "local (processes on this machine) or ray (a Ray cluster)")
    address: str | None = option(
        None,
        "address of the Ray cluster: HOST:PORT, auto for the one on this machine, or local to start one that "
        "ends with the search (default: local)",
    )
    epoch_timeout: float | None = option(
        None,
        "give up on a network that reports nothing for this long",
        metavar="SECONDS",
        within=Bounds(0, 10**8, whole=False, above=True),
    )

    def __post_init__(self) -> None:
        require_bounds(self)
        require(self.data_dir != "", "data_dir", self.data_dir, "the name of a folder")
        if self.executor not in EXECUTORS:
            hint = did_you_mean(self.executor, EXECUTORS)
            wanted = " or ".join(EXECUTORS)
            raise ConfigError(f"{flag('executor')} is {self.executor!r}; it must be {wanted}{hint}")

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Self:
        """The environment that a search was last run in.

        Raises:
            ConfigError: an unknown name, or a value that is out of range or of the wrong type.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f"the stored environment is {quoted(values)}; it must be an object")
        return from_json(cls, values, "environment options")

    def but(self, **changes: Any) -> Self:
        """A copy with those of the changes that are not None.

        Raises:
            ConfigError: a value is out of range; or an address is given without Ray, or workers per GPU with
                neither Ray nor `--workers auto`.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        changed = replace(self, **given)
        if "address" in given and changed.executor != "ray":
            raise ConfigError(
                f"{flag('address')} {changed.address} is for a Ray cluster, but {flag('executor')} is "
                f"{changed.executor}: add {flag('executor')} ray"
            )
        if "workers_per_gpu" in given and changed.executor != "ray" and changed.workers != AUTO:
            raise ConfigError(
                f"{flag('workers_per_gpu')} is {changed.workers_per_gpu}, but it needs "
                f"{flag('workers')} {AUTO}, and {flag('workers')} is {changed.workers}"
            )
        return changed
