"""Who trains the networks of a search: this process, processes beside it, or a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean

import torch

from metaqnn.config.environment import Environment
from metaqnn.config.options import AUTO, ConfigError
from metaqnn.database import SearchRecord
from metaqnn.executors import Executor, LocalExecutor, Place, SerialExecutor, Trainer
from metaqnn.executors.pool import Demand
from metaqnn.session.estimate import sampled_networks
from metaqnn.session.preparation import Prepared, load_and_build, require_same_images
from state_space import Architecture
from trainers import ClassifierTrainer, training_memory
from trainers.datasets.dataset import machine_memory
from trainers.device import auto_precision, convolves_in_columns
from trainers.memory import process_memory
from trainers.training import NetworkTrainer

MOST_PER_GPU = 4
"""Most trainings on a GPU, unless more are asked for. What more than one brings has not been measured."""
WAITING_FOR_A_GPU = (
    "waiting for a free GPU of the Ray cluster, which decides the precision; --precision float32 or "
    "bfloat16 avoids the wait"
)


def make_trainer(record: SearchRecord, environment: Environment) -> ClassifierTrainer:
    """The trainer of a worker, made where the worker is.

    Args:
        record: of the search.
        environment: the worker's own.

    Raises:
        DatasetError: there are no such images here.
        DeviceError: there is no such device, precision or number of threads here.
        OtherImagesError: there are other images here: another machine's, or replaced since the search began.
    """
    prepared = load_and_build(record.config, environment)
    require_same_images(record, prepared.dataset)
    return prepared.trainer


def settled(prepared: Prepared) -> Prepared:
    """The same, with the precision that "auto" comes to where networks are trained: one for all workers.

    Raises:
        ConfigError: as `make_executor`.
    """
    environment, precision = prepared.environment, prepared.trainer.precision_name
    if environment.executor == "ray" and environment.precision == AUTO:
        precision = _precision_on_ray(environment) or precision
    return replace(prepared, environment=replace(environment, precision=precision))


def make_executor(prepared: Prepared) -> Executor:
    """The executor that the environment of a search asks for.

    Raises:
        ConfigError: Ray is not installed, there is no cluster at the address, or a GPU of the cluster is
            named by its number.
    """
    environment = prepared.environment
    if environment.executor == "ray":
        return _on_ray(prepared)
    environment = replace(environment, workers_per_gpu=per_gpu(prepared))
    demand = partial(memory_share, prepared)
    return on_this_machine(environment, prepared.trainer, partial(make_trainer, prepared.record), demand)


def on_this_machine(
    environment: Environment,
    trainer: NetworkTrainer,
    make: Callable[[Environment], Trainer],
    demand: Demand = lambda architecture: 0.0,
) -> Executor:
    """This process, or as many beside it as the environment asks for.

    Args:
        environment: where and how networks are trained.
        trainer: that of this process.
        make: makes a worker's trainer, for the worker's environment; it can be pickled.
        demand: share of its device's memory that training an architecture needs.
    """
    places, timeout = worker_places(environment, trainer), environment.epoch_timeout
    # A process that an error on its GPU has ruined must be replaced, and this one cannot be.
    if len(places) == 1 and timeout is None and trainer.device.type != "cuda":
        return SerialExecutor(trainer)
    workers = [Place(partial(make, place), place.device) for place in places]
    return LocalExecutor(workers, epoch_timeout=timeout, demand=demand)


def per_gpu(prepared: Prepared) -> int:
    """Trainings side by side on each GPU; if that is "auto", as many as fit.

    What fits is limited by the memory for networks of the mean size at epsilon = 1, by the CPU cores that
    launch their work, and by `MOST_PER_GPU`.
    """
    asked, executor = prepared.environment.workers_per_gpu, prepared.environment.executor
    if asked != AUTO:
        return int(asked)
    if prepared.trainer.device.type != "cuda" or executor == "ray":  # whose GPUs are not known here
        return 1
    mean = fmean(memory_share(prepared, network) for network in sampled_networks(prepared.space))
    return max(1, min(int(1 / mean), available_cores() // torch.cuda.device_count(), MOST_PER_GPU))


def memory_share(prepared: Prepared, architecture: Architecture) -> float:
    """Share of the device's memory that a process needs to train a network, by its architecture."""
    trainer = prepared.trainer
    estimate = training_memory(
        architecture,
        trainer.input_shape,
        trainer.num_classes,
        batch_size=prepared.config.batch_size,
        precision=trainer.precision,
        in_columns=convolves_in_columns(trainer.device, trainer.precision),
    )
    needed: float = estimate.total
    if trainer.device.type == "cuda":
        needed = process_memory(estimate, prepared.dataset.train_images.nbytes)
    return needed / device_memory(trainer.device)


def device_memory(device: torch.device) -> float:
    """Bytes that trainings may use: nine tenths of a GPU, or of the machine or container."""
    if device.type == "cuda":
        return 0.9 * torch.cuda.get_device_properties(device).total_memory
    return 0.9 * machine_memory()


def worker_places(environment: Environment, trainer: NetworkTrainer) -> Sequence[Environment]:
    """The environment of each worker on this machine: its device, and its share of the threads."""
    if trainer.device.type == "cuda":
        return _on_gpus(environment)
    cores = available_cores()
    threads = trainer.threads or cores
    count = max(1, cores // threads) if environment.workers == AUTO else int(environment.workers)
    if count > 1:
        environment = replace(environment, threads=max(1, min(threads, cores // count)))
    return [environment] * count


def _on_gpus(environment: Environment) -> Sequence[Environment]:
    """The workers, distributed over the GPUs in turn; all on one GPU if the device names it."""
    named = ":" in environment.device
    gpus = [environment.device] if named else [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    count = environment.workers
    if count == AUTO:
        count = len(gpus) * int(environment.workers_per_gpu)
    return [replace(environment, device=gpus[i % len(gpus)]) for i in range(int(count))]


def _precision_on_ray(environment: Environment) -> str | None:
    """What "auto" comes to on the first GPU of the cluster that is free; None if none is used."""
    _connect(environment)
    from metaqnn.executors.ray import ask, has_gpus

    if not has_gpus() or environment.device == "cpu":
        return None
    try:
        return ask(partial(auto_precision, environment.device), {"num_gpus": 0.01}, WAITING_FOR_A_GPU)
    except ConnectionError as error:
        raise ConfigError(f"no worker can be started on the Ray cluster: {error}") from None


def _on_ray(prepared: Prepared) -> Executor:
    environment = prepared.environment
    _connect(environment)
    from metaqnn.executors.ray import RayExecutor, has_gpus, slots

    cpus = prepared.trainer.threads or 1
    gpus = 1 / per_gpu(prepared) if has_gpus() and environment.device != "cpu" else 0
    resources = {"num_cpus": cpus, "num_gpus": gpus}
    count = slots(resources) if environment.workers == AUTO else int(environment.workers)
    return RayExecutor(
        [Place(partial(make_trainer, prepared.record, replace(environment, threads=cpus)))] * count,
        epoch_timeout=environment.epoch_timeout,
        resources=resources,
    )


def _refuse_numbered(device: str) -> None:
    """Raise ConfigError for a GPU that no actor sees: Ray shows each only its own, as number 0."""
    if device.startswith("cuda:") and device != "cuda:0":
        raise ConfigError(
            f"--device is {device!r}, but --executor ray chooses the GPU of each worker: give --device cuda"
        )


def _connect(environment: Environment) -> None:
    """Connect to a Ray cluster, or start one. Raises ConfigError where that is impossible."""
    _refuse_numbered(environment.device)
    # Ray reads this when it is imported. Its messages about lost nodes do not belong on our standard output,
    # and the search deals with lost nodes itself.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
    try:
        from metaqnn.executors.ray import connect
    except ImportError:
        raise ConfigError("--executor ray needs Ray: pip install 'metaqnn[ray]'") from None
    address = environment.address
    try:
        connect(address)
    except ConnectionError as error:
        trouble = f"--address is {address!r}, but no Ray cluster is there"
        if address is None:
            trouble = "no Ray cluster can be started on this machine"
        raise ConfigError(f"{trouble}: {error}") from None


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
