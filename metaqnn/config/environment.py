"""What may differ when a search goes on elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from metaqnn.config.search import ConfigError
from state_space.errors import did_you_mean

AUTO = "auto"
EXECUTORS = ("local", "ray")


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Where and how networks are trained. On the same device with one worker it changes no decision.

    Attributes:
        data_dir: folder where data sets are looked for first.
        device: auto, cuda, mps or cpu.
        precision: auto, float32 or bfloat16.
        threads: CPU threads of each training, None for what suits the networks.
        download: whether data sets may be downloaded.
        workers: trainings side by side, or "auto": one for each core, or as many as GPUs take.
        workers_per_gpu: trainings side by side on each GPU where workers is "auto"; "auto" for as many as
            fit, see `metaqnn.session.workers.per_gpu`.
        executor: local, processes on this machine, or ray.
        address: of the Ray cluster: HOST:PORT or auto; None or local for one that is started here.
        epoch_timeout: seconds that an epoch may take, None for any time.
        keep_weights: of how many networks, the best ones, the weights stay in the run folder.

    Raises:
        ConfigError: a value is out of range; the message names the option and quotes the value.
    """

    data_dir: str | None = None
    device: str = AUTO
    precision: str = AUTO
    threads: int | None = None
    download: bool = True
    workers: int | str = 1
    workers_per_gpu: int | str = 1
    executor: str = "local"
    address: str | None = None
    epoch_timeout: float | None = None
    keep_weights: int = 5

    def __post_init__(self) -> None:
        for name in ("workers", "workers_per_gpu"):
            number = getattr(self, name)
            if number != AUTO and not (isinstance(number, int) and number >= 1):
                option = name.replace("_", "-")
                raise ConfigError(f"--{option} is {number!r}; it must be at least 1, or auto")
        if self.executor not in EXECUTORS:
            hint = did_you_mean(self.executor, EXECUTORS)
            raise ConfigError(f"--executor is {self.executor!r}; it must be {' or '.join(EXECUTORS)}{hint}")
        if self.epoch_timeout is not None and not self.epoch_timeout > 0:
            raise ConfigError(f"--epoch-timeout is {self.epoch_timeout:g}; it must be above 0, in seconds")
        if self.keep_weights < 0:
            raise ConfigError(f"--keep-weights is {self.keep_weights}; it must be 0 or more")

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Self:
        """Those that a search was run with the last time.

        Raises:
            ConfigError: a name that this version does not know, or a value that is out of range.
        """
        if unknown := set(values) - {f.name for f in fields(cls)}:
            raise ConfigError(
                f"unknown circumstances {sorted(unknown)}; written by another version of metaqnn?"
            )
        return cls(**values)

    def but(self, **changes: Any) -> Self:
        """A copy with those changes that are not None."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})
