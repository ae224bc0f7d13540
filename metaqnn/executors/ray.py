"""Trainings on the machines of a Ray cluster."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar, cast

import ray
from ray._private import ray_constants
from ray.exceptions import RayError

from metaqnn.executors.base import Ended, EpochDone, Failed, Message, Ready, Task, Trainer, is_spent
from metaqnn.executors.pool import PoolExecutor
from metaqnn.executors.worker import MakeTrainer, Place, Worker
from metaqnn.output import last_line
from state_space.errors import first_line
from trainers import EpochReport

_LOG = logging.getLogger(__name__)
ANSWER_SECONDS = 10.0
"""How long the head of a cluster may take to answer."""
PATIENCE_SECONDS = 10.0
"""How long a question to the cluster may take before the user is told what it waits for."""

T = TypeVar("T")
SETTINGS = b"\x04"
"""Type of the frame that both sides send first in HTTP/2, which Ray uses."""
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + SETTINGS + b"\0" * 5


class SteppedTrainer:
    """The actor: every call runs up to the next message, so that Ray only ever waits for results.

    All trainings run in one separate thread, which waits for the answer after each epoch. The thread is kept,
    because PyTorch stores what it has learned about convolutions per thread.

    Args:
        make_trainer: makes the trainer.
        folder: its working folder, if it exists, so that relative paths mean the same as in the search.
    """

    def __init__(self, make_trainer: MakeTrainer, folder: Path) -> None:
        with suppress(OSError):
            os.chdir(folder)
        self._make_trainer = make_trainer
        self._trainer: Trainer
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._answers: SimpleQueue[bool] = SimpleQueue()

    def get_ready(self) -> Message:
        """Make the trainer."""
        try:
            self._trainer = self._make_trainer()
        except Exception:
            return Failed(traceback.format_exc())
        threading.Thread(target=self._train_all, daemon=True).start()
        return Ready()

    def step(self, what: Task | bool) -> Message:
        """Start a task, or continue it with the answer to an epoch."""
        if isinstance(what, Task):
            self._tasks.put(what)
        else:
            self._answers.put(what)
        return self._messages.get()

    def _train_all(self) -> None:
        while True:
            self._messages.put(self._train(self._tasks.get()))

    def _train(self, task: Task) -> Ended | Failed:
        def on_epoch(report: EpochReport) -> bool:
            self._messages.put(EpochDone(report))
            return self._answers.get()

        try:
            return Ended(task.run(self._trainer, on_epoch), is_spent(self._trainer))
        except Exception:
            return Failed(traceback.format_exc(), is_spent(self._trainer))


class RayWorker(Worker):
    """An actor somewhere in the cluster.

    Args:
        place: Ray must be able to pickle its `make_trainer`; Ray chooses the machine and the device.
        resources: what it needs, in Ray's terms: num_cpus, num_gpus and so on.
    """

    def __init__(self, place: Place, resources: Mapping[str, Any]) -> None:
        super().__init__(place)
        actor_class: Any = ray.remote(**resources)(SteppedTrainer)
        self._actor = actor_class.remote(place.make_trainer, Path.cwd())
        self._expected = [self._actor.get_ready.remote()]
        self._death = ""

    @property
    def next(self) -> ray.ObjectRef[Message]:
        """Its next message, as a future."""
        return cast("ray.ObjectRef[Message]", self._expected[0])

    def say(self, what: Task | bool) -> None:
        """See `Worker`."""
        self._expected.append(self._actor.step.remote(what))

    def receive(self) -> Message | None:
        """See `Worker`."""
        try:
            return cast(Message, ray.get(self._expected.pop(0)))
        except RayError as error:
            self._death = last_line(str(error)) or type(error).__name__
            return None

    def how_it_died(self) -> str:
        """See `Worker`."""
        return f"with {self._death!r}"

    def end(self) -> None:
        """See `Worker`."""
        ray.kill(self._actor)


class RayExecutor(PoolExecutor[RayWorker]):
    """Runs trainings in actors of a Ray cluster, as many as there are places.

    Actors wait in Ray's own queue until there is room for them, so there may be more than fit at the moment.
    An actor that hangs while it starts looks the same, so both are waited for without a limit. The same
    version of the program must be installed wherever they run, and Ray must have been started.

    Args:
        places: one for each actor.
        epoch_timeout: seconds that an epoch may take, None for no limit.
        resources: what each actor needs, in Ray's terms: num_cpus, num_gpus (fractions are allowed).
    """

    def __init__(
        self,
        places: Sequence[Place],
        *,
        epoch_timeout: float | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(places, epoch_timeout=epoch_timeout)
        self._resources = resources or {"num_cpus": 1}

    def start(self, place: Place) -> RayWorker:
        """See `PoolExecutor`."""
        return RayWorker(place, self._resources)

    def wait(self, workers: Sequence[RayWorker], seconds: float | None) -> Sequence[RayWorker]:
        """See `PoolExecutor`."""
        expected = [worker.next for worker in workers]
        if not ray.wait(expected, timeout=seconds)[0]:
            return []
        heard = set(ray.wait(expected, num_returns=len(expected), timeout=0)[0])
        return [worker for worker in workers if worker.next in heard]


def connect(address: str | None) -> None:
    """Connect this process to a cluster, or start one that only this machine can reach.

    Args:
        address: HOST:PORT of the cluster's head, or auto for the one running on this machine; None or local
            starts one, which ends with this process.

    Raises:
        ConnectionError: there is no cluster at that address; the message says why.
    """
    if ray.is_initialized():
        return
    ours = address is None or address == "local"
    if address is not None and address not in ("local", "auto"):
        _check_answers(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with _on_loopback() if ours else nullcontext():
            settings: dict[str, Any] = {"include_dashboard": False} if ours else {}
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **settings)
    except (RayError, RuntimeError, ValueError) as error:
        raise ConnectionError(first_line(error)) from None
    finally:
        signal.signal(signal.SIGTERM, handler)  # Ray has replaced it with its own


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Make everything that Ray starts in this block listen only on the loopback, as on macOS and Windows.

    On Linux Ray replaces 127.0.0.1 by this machine's address and listens on all addresses.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _check_answers(address: str) -> None:
    """Raise ConnectionError at once if Ray would try in vain for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise ConnectionError("it must be HOST:PORT, as `ray start --head` prints it, or auto, or local")
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(HTTP2)
            answer = connection.makefile("rb").read(4)
    except (OSError, OverflowError) as error:
        raise ConnectionError(str(error)) from None
    if answer[3:] != SETTINGS and not os.environ.get("RAY_USE_TLS"):
        raise ConnectionError("the server at that address is not a Ray cluster")


def ask(question: Callable[[], T], resources: Mapping[str, Any], waiting: str) -> T:
    """What a function returns on a machine of the cluster that has these resources, once they are free.

    Args:
        question: Ray must be able to pickle it.
        resources: what it needs, in Ray's terms.
        waiting: what to log if the answer takes long, because everything there may be in use.

    Raises:
        ConnectionError: it cannot be called there; the message says why.
    """
    try:
        asked: Any = ray.remote(**resources)(lambda: question())  # Ray takes functions, but no partial ones
        answer = asked.remote()
        if not ray.wait([answer], timeout=PATIENCE_SECONDS)[0]:
            _LOG.warning(waiting)
        return cast(T, ray.get(answer))
    except RayError as error:
        raise ConnectionError(last_line(str(error))) from None


def slots(resources: Mapping[str, float]) -> int:
    """How many actors with these needs the cluster has room for at the moment, at least 1."""
    there = ray.cluster_resources()
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    return max(1, min(int(there.get(names[name], 0) / need) for name, need in resources.items() if need))


def has_gpus() -> bool:
    """Whether the cluster has GPUs."""
    return bool(ray.cluster_resources().get("GPU", 0))
