"""The contract of `Executor`, which every executor keeps."""

from functools import partial

import pytest

from metaqnn.executors import LocalExecutor, Place, SerialExecutor


@pytest.fixture(params=["serial", "processes", pytest.param("ray", marks=pytest.mark.slow)])
def executor(request, fakes, folder):
    if request.param == "serial":
        return SerialExecutor(fakes.FakeTrainer())
    makers = [Place(partial(fakes.FakeTrainer, folder))] * 2
    if request.param == "processes":
        return LocalExecutor(makers)
    request.getfixturevalue("cluster")
    from metaqnn.executors.ray import RayExecutor

    return RayExecutor(makers, resources={"num_cpus": 1})


def test_every_task_is_trained_and_told_in_order(executor, recorder):
    record = recorder(range(1, 6))
    executor.run(record)
    assert record.outcomes() == dict.fromkeys(range(1, 6), "completed")
    for number in range(1, 6):
        *epochs, last = record.of(number)
        assert [(e[2], e[3]) for e in epochs] == [(t, (number % 7 + t) / 20) for t in (1, 2, 3, 4)]
        assert last[0] == "completed"


def test_an_answer_stops_its_own_training_only(executor, recorder):
    record = recorder(range(1, 6), stop=lambda task, report: task.number == 2 and report.epoch == 3)
    executor.run(record)
    assert record.outcomes() == {1: "completed", 2: "stopped", 3: "completed", 4: "completed", 5: "completed"}
    assert [event[2] for event in record.of(2)[:-1]] == [1, 2, 3]


def test_a_trainers_exception_is_that_trainings_failure(executor, recorder, fakes):
    record = recorder([1, fakes.CRASHING, 3])
    executor.run(record)
    assert record.outcomes() == {1: "completed", 2: "crashed", 3: "completed"}
    assert "RuntimeError: the device caught fire" in record.of(2)[-1][2]


def test_a_broken_pipe_of_a_trainer_is_not_taken_for_that_to_the_search(executor, recorder, fakes):
    record = recorder([fakes.LEAKING, 2])
    executor.run(record)
    assert record.outcomes() == {1: "crashed", 2: "completed"}
    assert "BrokenPipeError: the trainer's own pipe has broken" in record.of(1)[-1][2]


def test_an_exception_of_the_coordinator_ends_the_run(executor, recorder):
    def stop(task, report):
        raise ZeroDivisionError("a bug in the rule")

    with pytest.raises(ZeroDivisionError):
        executor.run(recorder([1, 2, 3], stop=stop))


def test_without_tasks_nothing_happens(executor, recorder):
    record = recorder([])
    executor.run(record)
    assert record.events == []


def test_it_can_run_again(executor, recorder):
    for _ in range(2):
        record = recorder([1, 2])
        executor.run(record)
        assert record.outcomes() == {1: "completed", 2: "completed"}
