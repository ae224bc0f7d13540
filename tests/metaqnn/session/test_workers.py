"""How many workers there are, and where."""

import socket
import sys
import threading
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from metaqnn.config.environment import Environment
from metaqnn.config.search import ConfigError, SearchConfig
from metaqnn.executors import LocalExecutor, SearchStopped, SerialExecutor, Task
from metaqnn.session import workers
from metaqnn.session.run_folder import RunFolder
from metaqnn.session.start import begin, prepare
from metaqnn.session.workers import (
    make_executor,
    make_trainer,
    memory_share,
    per_gpu,
    settled,
    worker_places,
)
from trainers import training_memory


@pytest.fixture
def cores(monkeypatch):
    """Pretends that this machine has that many cores."""

    def pretend(count):
        monkeypatch.setattr(workers, "available_cores", lambda: count)

    return pretend


def on(device, threads=None):
    return SimpleNamespace(device=torch.device(device), threads=threads)


@pytest.mark.parametrize(
    ("given", "threads", "expected"),
    [
        (1, 1, [None]),  # alone, the trainer decides
        (3, 1, [1, 1, 1]),
        ("auto", 1, [1] * 8),  # one for each core
        ("auto", 4, [4, 4]),
        ("auto", None, [None]),  # large networks, which take all cores
        (2, None, [4, 4]),  # and share them
        (16, None, [1] * 16),
    ],
)
def test_workers_share_the_cores(cores, given, threads, expected):
    cores(8)
    places = worker_places(Environment(workers=given), on("cpu", threads))
    assert [place.threads for place in places] == expected


def test_workers_take_the_gpus_in_turn(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    places = worker_places(Environment(workers=3), on("cuda"))
    assert [place.device for place in places] == ["cuda:0", "cuda:1", "cuda:0"]
    places = worker_places(Environment(workers="auto", workers_per_gpu=2), on("cuda"))
    assert [place.device for place in places] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]


def test_on_a_gpu_that_is_named_all_workers_are_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    places = worker_places(Environment(workers=2, device="cuda:1"), on("cuda:1"))
    assert [place.device for place in places] == ["cuda:1", "cuda:1"]


@pytest.mark.parametrize(
    ("memory", "count", "gpus", "executor", "expected"),
    [
        (80e9, 64, 8, "local", 4),  # no more than that
        (80e9, 16, 8, "local", 2),  # two cores each
        (2.8e9, 64, 8, "local", 2),  # a process takes 1.2 GB, and a tenth of the memory stays free
        (2.6e9, 64, 8, "local", 1),
        (0.5e9, 64, 8, "local", 1),
        (80e9, 64, 8, "ray", 1),
    ],
)
def test_a_gpu_gets_as_many_workers_as_fit(
    monkeypatch, cores, prepared, memory, count, gpus, executor, expected
):
    cores(count)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=memory)
    )
    some = prepared(workers_per_gpu="auto", executor=executor)
    some = replace(some, trainer=copy(some.trainer))
    some.trainer.device = torch.device("cuda")
    assert per_gpu(some) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers": 0}, "--workers is 0; it must be a whole number from 1 to 1024, or auto"),
        ({"workers": "many"}, "--workers is 'many'"),
        ({"workers_per_gpu": 0}, "--workers-per-gpu is 0"),
        ({"executor": "slurm"}, "--executor is 'slurm'; it must be local or ray"),
        ({"epoch_timeout": 0.0}, "--epoch-timeout is 0"),
        ({"checkpoint_every": -1.0}, "--checkpoint-every is -1.0; it must be a number from 0 to 100000000"),
        ({"checkpoint_every": float("inf")}, "--checkpoint-every is inf"),
        ({"checkpoint_every": float("nan")}, "--checkpoint-every is nan"),
    ],
)
def test_circumstances_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Environment(**changes)


def test_workers_per_gpu_belong_to_as_many_workers_as_there_is_room_for():
    with pytest.raises(ConfigError, match="--workers-per-gpu is 2, but it needs --workers auto"):
        Environment().but(workers_per_gpu=2, workers=4)
    assert Environment(workers="auto").but(workers_per_gpu=2).workers_per_gpu == 2
    assert Environment().but(workers_per_gpu=2, workers=4, executor="ray").workers == 4  # asks for shares
    assert Environment(workers="auto", workers_per_gpu=2).but(workers=4).workers == 4


@pytest.fixture
def prepared():
    def prepare_(**circumstances):
        config = SearchConfig.of(train_limit=60, validation_size=20, epochs=1)
        return prepare(config, Environment(device="cpu", **circumstances))

    return prepare_


def test_one_worker_is_this_process(prepared):
    assert isinstance(make_executor(prepared()), SerialExecutor)


def test_on_a_gpu_not_even_one_worker_is_this_process(prepared, monkeypatch):
    """An error on the device ruins the process that meets it, and this one cannot be replaced."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    some = prepared()
    some = replace(some, trainer=copy(some.trainer))
    some.trainer.device = torch.device("cuda")
    executor = make_executor(some)
    assert isinstance(executor, LocalExecutor)
    assert executor.workers == 1


def test_a_process_on_a_gpu_needs_more_memory_than_its_training(prepared, monkeypatch):
    """For the images, for CUDA itself, and for steps and validation, which do not share their memory."""
    monkeypatch.setattr(workers, "device_memory", lambda device: 1e9)
    some = prepared()
    network = some.space.sample(np.random.default_rng(0))
    trainer = some.trainer
    estimate = training_memory(
        network,
        trainer.input_shape,
        trainer.num_classes,
        batch_size=some.config.batch_size,
        precision=trainer.precision,
    )
    gpu = replace(some, trainer=copy(trainer))
    gpu.trainer.device = torch.device("cuda")
    images = some.dataset.train_images.nbytes
    together = estimate.total + min(estimate.activations + estimate.passing, estimate.evaluation)
    assert memory_share(gpu, network) == pytest.approx((1.2e9 + images + 1.5 * together) / 1e9)


def test_trainings_on_the_cpu_may_use_nine_tenths_of_what_a_container_may(monkeypatch):
    monkeypatch.setattr(workers, "machine_memory", lambda: 2**32)
    assert workers.device_memory(torch.device("cpu")) == pytest.approx(0.9 * 2**32)


@pytest.mark.parametrize("more", [{"workers": 2}, {"epoch_timeout": 60.0}])
def test_several_workers_or_one_on_a_clock_are_processes(prepared, more):
    executor = make_executor(prepared(**more))
    assert isinstance(executor, LocalExecutor)
    assert executor.workers == more.get("workers", 1)


def test_ray_that_is_not_installed_is_one_clear_line(prepared, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # what `import ray` then raises is an ImportError
    monkeypatch.delitem(sys.modules, "metaqnn.executors.ray", raising=False)
    with pytest.raises(ConfigError, match=r"^--executor ray needs Ray: pip install 'metaqnn\[ray\]'$"):
        make_executor(prepared(executor="ray"))


def test_a_numbered_gpu_on_ray_is_refused_before_ray_is_asked(prepared, monkeypatch):
    """Ray shows each actor its own GPU alone, as number 0: there is no other."""
    monkeypatch.setitem(sys.modules, "metaqnn.executors.ray", None)
    some = prepared(executor="ray")
    second = replace(some, environment=replace(some.environment, device="cuda:1"))
    with pytest.raises(
        ConfigError, match=r"^--device is 'cuda:1', but --executor ray .* give --device cuda$"
    ):
        make_executor(second)
    with pytest.raises(ConfigError, match="needs Ray"):
        make_executor(replace(second, environment=replace(some.environment, device="cuda:0")))


def test_a_cluster_that_does_not_answer_is_one_clear_line(prepared, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # by another test it may be
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # and nobody listens there
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(
            ConfigError, match=f"^--address is '{address}', but no Ray cluster is there: .*refused"
        ):
            make_executor(prepared(executor="ray", address=address))


def test_what_is_no_cluster_is_noticed_at_once(prepared, monkeypatch):
    """Ray itself would try for many minutes."""
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        with pytest.raises(ConfigError, match="there: the server at that address is not a Ray cluster"):
            make_executor(prepared(executor="ray", address=address))


@pytest.mark.parametrize(
    ("gpus", "device", "given", "expected"),
    [
        (True, "auto", "auto", "bfloat16"),
        (True, "auto", "float32", "float32"),
        (True, "cpu", "auto", "float32"),
        (False, "auto", "auto", "float32"),
    ],
)
def test_on_ray_all_workers_get_the_precision_that_one_gpu_of_the_cluster_chooses(
    prepared, monkeypatch, gpus, device, given, expected
):
    """This machine has no GPU and no bfloat16."""
    ray = pytest.importorskip("metaqnn.executors.ray")
    some = prepared(precision="float32")
    some = replace(some, environment=Environment(device=device, precision=given, executor="ray"))
    monkeypatch.setattr(ray, "connect", lambda address: None)
    monkeypatch.setattr(ray, "has_gpus", lambda: gpus)
    said = []
    monkeypatch.setattr(ray, "ask", lambda question, resources, told: said.append(told) or "bfloat16")
    assert settled(some).environment == replace(some.environment, precision=expected)
    assert all("a free GPU of the Ray cluster" in told and "--precision float32" in told for told in said)


@pytest.mark.parametrize("deterministic", [False, True])
def test_kernels_and_saves_are_as_the_environment_asks(prepared, tmp_path, deterministic):
    some = prepared(deterministic=deterministic, checkpoint_every=7.0)
    inside = []
    network = some.space.sample(np.random.default_rng(0))
    some.trainer.train(network, seed=1, on_epoch=lambda _: inside.append(torch.backends.cudnn.deterministic))
    assert {*inside} == {deterministic}
    session = begin(some, RunFolder(tmp_path))
    task = session.search.next_task()
    assert task.checkpoint.every == 7.0
    session.database.close()


def test_a_workers_trainer_is_that_of_the_search(prepared):
    here = prepared()
    there = make_trainer(here.record, here.environment)
    architecture = here.space.sample(np.random.default_rng(0))
    assert there.train(architecture, seed=3).curve == here.trainer.train(architecture, seed=3).curve


def test_a_worker_that_finds_other_images_than_the_search_is_not_started(tmp_path):
    """One that starts later, or on another machine: it would not train networks of this search."""
    images = np.random.default_rng(0).integers(0, 256, (2, 80, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(80) % 10
    file = tmp_path / "data.npz"
    np.savez(file, x_train=images[0], y_train=labels)
    config = SearchConfig.of(dataset=str(file), validation_size=20, epochs=1)
    here = prepare(config, Environment(device="cpu", epoch_timeout=60.0))
    tasks = [Task(1, here.space.sample(np.random.default_rng(0)), 1)]
    coordinator = SimpleNamespace(next_task=lambda: tasks.pop() if tasks else None, together=nullcontext)
    executor = make_executor(here)
    np.savez(file, x_train=images[1], y_train=labels)
    with pytest.raises(SearchStopped, match=r"^a worker cannot be started: .*: .* but other ones"):
        executor.run(coordinator)
