"""What only a cluster can do: lose an actor, or a whole node."""

import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from metaqnn.executors import Place, SearchStopped, Task
from metaqnn.executors.base import Ended, EpochDone, Failed, Ready
from state_space import Architecture
from trainers import Checkpoint

pytest.importorskip("ray")


@pytest.fixture
def make(fakes, cluster, folder):
    """Makes an executor of that many actors."""
    from metaqnn.executors.ray import RayExecutor

    def make_(workers=1, epochs=4, **options):
        makers = [Place(partial(fakes.FakeTrainer, str(folder), epochs))] * workers
        resources = {"num_cpus": 1, "resources": {"slot": 1}}
        return RayExecutor(makers, resources=resources, **options)

    return make_


def test_a_network_whose_actor_died_once_is_trained_again(make, recorder, fakes):
    record = recorder([1, fakes.DYING_ONCE, 3])
    make().run(record)
    assert record.outcomes() == {1: "completed", 2: "completed", 3: "completed"}
    assert [event[2] for event in record.of(2)[:-1]] == [1, 1, 2, 3, 4]


def test_trainings_of_an_actor_run_in_one_thread_and_a_lost_device_costs_the_actor(fakes, folder):
    """Without a cluster: the actor's class alone."""
    from metaqnn.executors.ray import SteppedTrainer

    threads = []

    class Noting(fakes.FakeTrainer):
        def train(self, architecture, **more):
            threads.append(threading.get_ident())
            return super().train(architecture, **more)

    actor = SteppedTrainer(partial(Noting, str(folder)), Path.cwd())
    assert actor.get_ready() == Ready()

    def train(seed):
        message = actor.step(Task(1, Architecture.parse("[C(8,5,1), SM(10)]"), seed))
        while isinstance(message, EpochDone):
            message = actor.step(False)
        return message

    first, second, last = train(1), train(2), train(fakes.LOSING)
    assert [type(message) for message in (first, second, last)] == [Ended, Ended, Failed]
    assert [message.spent for message in (first, second, last)] == [False, False, True]
    assert len(threads) == 3
    assert {*threads} == {threads[0]} != {threading.get_ident()}


def test_a_silent_network_is_ended_and_the_others_go_on(make, recorder, fakes):
    record = recorder([fakes.HANGING, 2, 3])
    make(2, epoch_timeout=10.0).run(record)
    assert record.outcomes() == {1: "timed_out", 2: "completed", 3: "completed"}


def test_a_trainer_that_cannot_be_made_stops_the_search(cluster, recorder, fakes):
    from metaqnn.executors.ray import RayExecutor

    with pytest.raises(SearchStopped, match="no such device"):
        RayExecutor([Place(fakes.broken)]).run(recorder([1]))


def test_a_network_goes_on_from_the_last_epoch_that_its_dead_actor_saved(cluster, recorder, fakes, folder):
    import mortal_trainers

    from metaqnn.executors.ray import RayExecutor

    record = recorder([])
    checkpoint = Checkpoint(folder / "network-1.pt")
    record.tasks = [Task(1, Architecture.parse("[C(8,5,1), SM(10)]"), 1, checkpoint)]
    seconds = {}  # measured for each epoch: one that is trained again takes a different time
    record.stop = lambda task, report: seconds.setdefault(report.epoch, []).append(report.seconds)
    RayExecutor([Place(partial(mortal_trainers.MortalClassifier, str(folder)))]).run(record)
    assert record.outcomes() == {1: "completed"}
    assert [len(seconds[epoch]) for epoch in (1, 2, 3, 4)] == [2, 2, 1, 1]
    assert len(set(seconds[1])) == len(set(seconds[2])) == 1


@pytest.mark.slow
def test_more_actors_than_the_cluster_has_room_for_still_train_everything(make, recorder):
    record = recorder(range(1, 10))
    make(6).run(record)  # there are four slots
    assert record.outcomes() == dict.fromkeys(range(1, 10), "completed")


def test_a_question_is_answered_where_a_worker_would_be(cluster):
    from metaqnn.executors.ray import ask

    needs = {"num_cpus": 1, "resources": {"slot": 1}}
    assert ask(os.getpid, needs, "waiting") != os.getpid()
    with pytest.raises(ConnectionError, match="ZeroDivisionError"):
        ask(partial(divmod, 1, 0), needs, "waiting")


def test_that_a_busy_cluster_is_waited_for_is_said_once_and_the_answer_comes_when_it_is_free(
    cluster, monkeypatch, tmp_path
):
    import ray

    from metaqnn.executors.ray import ask

    free, needs = tmp_path / "free", {"num_cpus": 1, "resources": {"slot": 2}}

    @ray.remote(**needs)
    def occupy(number):
        (tmp_path / f"busy-{number}").touch()
        while not free.exists():
            time.sleep(0.02)

    busy = [occupy.remote(number) for number in range(2)]  # on both nodes
    while len([*tmp_path.glob("busy-*")]) < len(busy):
        time.sleep(0.02)
    monkeypatch.setattr("metaqnn.executors.ray.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr("metaqnn.executors.ray._LOG.warning", lambda said: (heard.append(said), free.touch()))
    heard = []
    assert ask(os.getpid, needs, "waiting for both slots of a node") != os.getpid()
    assert heard == ["waiting for both slots of a node"]


def test_relative_paths_mean_the_same_to_actors(cluster, recorder, fakes, folder, monkeypatch):
    from metaqnn.executors.ray import RayExecutor

    monkeypatch.chdir(folder)
    with pytest.raises(SearchStopped, match=f"working in {folder}$"):
        RayExecutor([Place(fakes.where)]).run(recorder([1]))


@pytest.mark.parametrize(
    "address", ["nonsense", "ray://127.0.0.1:10001", "127.0.0.1:port", "127.0.0.1:99999"]
)
def test_what_is_no_address_is_refused(address, monkeypatch):
    import ray

    from metaqnn.executors.ray import connect

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(ConnectionError):
        connect(address)


@pytest.mark.slow
def test_a_node_lost_in_the_middle_loses_no_network(make, recorder, cluster):
    heard, lost = set(), []

    def stop(task, report):
        heard.add(task.number)
        if len(heard) >= 4 and not lost:  # by then networks are in training on both nodes
            lost.append(cluster.add_node(num_cpus=2, resources={"slot": 2}))
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        return False

    record = recorder(range(1, 7), stop=stop)
    make(4, epochs=600).run(record)
    assert lost
    assert record.outcomes() == dict.fromkeys(range(1, 7), "completed")
    epochs = {number: [event[2] for event in record.of(number)[:-1]] for number in range(1, 7)}
    assert all(told[-600:] == list(range(1, 601)) for told in epochs.values())
