"""What only processes can do: run side by side, die, hang, and fail to start."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from multiprocessing import active_children

import pytest

from metaqnn.executors import LocalExecutor, Place


def test_trainings_run_side_by_side_in_other_processes(make, recorder, fakes):
    """Each waits for the other in the middle of its training."""
    record = recorder([fakes.MEETING] * 2)
    make(2).run(record)
    processes = {event[2] for event in record.events if event[0] == "completed"}
    assert len(processes) == 2
    numbers = [event[1] for event in record.events if event[0] == "epoch"]
    assert numbers != sorted(numbers)  # epochs of different networks alternate


def test_a_network_whose_process_died_once_is_trained_again(make, recorder, fakes):
    record = recorder([1, fakes.DYING_ONCE, 3])
    make().run(record)
    assert record.outcomes() == {1: "completed", 2: "completed", 3: "completed"}
    assert [event[2] for event in record.of(2)[:-1]] == [1, 1, 2, 3, 4]


def test_a_network_whose_processes_die_has_crashed_and_the_others_go_on(make, recorder, fakes):
    record = recorder([1, fakes.DYING, 3, 4])
    make(2).run(record)
    assert record.outcomes() == {1: "completed", 2: "crashed", 3: "completed", 4: "completed"}
    assert "died 3 times, at last by signal 9" in record.of(2)[-1][2]


def test_each_worker_that_dies_and_is_replaced_is_told_in_one_line(make, recorder, fakes, caplog):
    """One death of the first network, and two of the second; the third one is told as its crash."""
    make().run(recorder([fakes.DYING_ONCE, fakes.DYING, 3]))
    line = "a worker died by signal 9; it is replaced, and its network continues from where it was last saved"
    assert [record.getMessage() for record in caplog.records] == [line] * 3


def processes(record):
    """Process by number of the network that it completed."""
    return {event[1]: event[2] for event in record.events if event[0] == "completed"}


def test_a_network_whose_process_lost_its_device_is_trained_again_in_another(make, recorder, fakes):
    """Otherwise every later network would fail there, too."""
    record = recorder([1, fakes.LOSING_ONCE, 3])
    make().run(record)
    assert record.outcomes() == {1: "completed", 2: "completed", 3: "completed"}
    assert [event[2] for event in record.of(2)[:-1]] == [1, 1, 2, 3, 4]
    by = processes(record)
    assert by[1] != by[2] == by[3]


def test_a_network_that_makes_processes_lose_their_device_has_crashed_and_its_error_is_told(
    make, recorder, fakes
):
    record = recorder([fakes.LOSING, 2])
    make().run(record)
    assert record.outcomes() == {1: "crashed", 2: "completed"}
    message = record.of(1)[-1][2]
    assert "died 3 times" in message
    assert message.strip().splitlines()[-1] == "RuntimeError: CUDA error: device-side assert triggered"


def test_what_failed_on_its_device_is_tried_again_without_recordings(make, recorder, fakes, caplog):
    record = recorder([fakes.RECORDING, 2, fakes.RECORDING])
    make().run(record)
    assert record.outcomes() == {1: "completed", 2: "completed", 3: "completed"}
    assert [r.getMessage() for r in caplog.records] == [
        f"network {number} failed on its device; it starts again in a new process, without CUDA graphs: "
        "RuntimeError: CUDA error: operation not permitted when stream is capturing"
        for number in (1, 3)
    ]


def test_recordings_that_fail_everywhere_are_not_tried_for_every_network(make, recorder, fakes, caplog):
    """Each failure costs a process: the next one must load the images and start CUDA again."""
    record = recorder([fakes.RECORDING] * 6)
    make().run(record)
    assert record.outcomes() == dict.fromkeys(range(1, 7), "completed")
    told = [r.getMessage() for r in caplog.records]
    assert [message.partition(" failed")[0] for message in told[:3]] == [f"network {n}" for n in (1, 2, 3)]
    assert told[3:] == [
        "3 networks could be trained only without CUDA graphs; from now on, all others do without them"
    ]
    by = processes(record)
    assert len(set(by.values())) == 3
    assert by[3] == by[4] == by[5] == by[6]


def test_recordings_in_whose_place_steps_are_launched_are_counted_as_well(make, recorder, fakes, caplog):
    record = recorder([fakes.UNRECORDED] * 6)
    make().run(record)
    assert record.outcomes() == dict.fromkeys(range(1, 7), "completed")
    (told,) = (r.getMessage() for r in caplog.records)
    assert told.startswith("3 networks")
    by = processes(record)
    assert len(set(by.values())) == 4
    assert by[4] == by[5] == by[6]


def test_the_result_of_a_worker_that_is_spent_counts_and_another_trains_what_follows(make, recorder, fakes):
    """As after a failed recording: the training itself ended in an orderly way."""
    record = recorder([1, fakes.WEARING, 3])
    make().run(record)
    assert record.outcomes() == {1: "completed", 2: "completed", 3: "completed"}
    by = processes(record)
    assert by[1] == by[2] != by[3]


def test_a_silent_network_is_killed_and_the_others_go_on(make, recorder, fakes):
    record = recorder([fakes.HANGING, 2, 3])
    make(2, epoch_timeout=4.0).run(record)
    assert record.outcomes() == {1: "timed_out", 2: "completed", 3: "completed"}
    assert "longer than the 4 s" in record.of(1)[-1][2]


def test_time_that_the_search_itself_takes_is_no_silence_of_its_networks(fakes, recorder):
    """Such as waiting for a lost database: longer than an epoch may take, while both are in training."""
    heard = set()

    def slow(task, report):
        if len(heard) == 1 and task.number not in heard:
            time.sleep(4.5)
        heard.add(task.number)
        return len(heard) == 2

    record = recorder([1, 2], stop=slow)
    LocalExecutor([Place(partial(fakes.FakeTrainer, None, 10**5))] * 2, epoch_timeout=4.0).run(record)
    assert record.outcomes() == {1: "stopped", 2: "stopped"}


def test_networks_that_were_suspended_together_with_the_search_are_not_late(fakes, folder):
    """Ctrl-Z, and later fg. One that hangs is late nonetheless, once its time is up."""
    program = f"""
import sys
sys.path.insert(0, {os.path.dirname(fakes.__file__)!r})
import fake_trainers
from functools import partial
from metaqnn.executors import LocalExecutor, Place, Task
from state_space import Architecture
from contextlib import nullcontext

class Coordinator:
    together = nullcontext
    seeds = [1, fake_trainers.HANGING]
    def next_task(self):
        if self.seeds:
            number = len(self.seeds)
            return Task(number, Architecture.parse("[C(64,1,1), GAP(10), SM(10)]"), self.seeds.pop(0))
    def on_epoch(self, task, report):
        print(task.seed, report.epoch, flush=True)
    def on_result(self, task, result):
        print(task.seed, result.outcome, flush=True)
    def on_failure(self, task, outcome, message):
        print(task.seed, outcome, flush=True)

if __name__ == "__main__":
    trainer = Place(partial(fake_trainers.FakeTrainer, seconds=0.5))
    LocalExecutor([trainer] * 2, epoch_timeout=4.0).run(Coordinator())
"""
    (folder / "search.py").write_text(program)
    process = subprocess.Popen(
        [sys.executable, folder / "search.py"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert next(line for line in process.stdout if line.startswith("1 "))
    time.sleep(0.25)  # for the search to wait again, in the middle of an epoch
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(4.5)
    os.killpg(process.pid, signal.SIGCONT)
    out, _ = process.communicate(timeout=300)
    assert {"1 completed", f"{fakes.HANGING} timed_out"} <= set(out.splitlines())


@pytest.mark.timeout(600)  # otherwise a failure would wait for the worker
def test_the_task_of_a_worker_that_does_not_start_is_taken_over(fakes, recorder, before):
    record = recorder([1, 2])
    LocalExecutor([Place(fakes.FakeTrainer), Place(fakes.slow_to_start)]).run(record)
    assert record.outcomes() == {1: "completed", 2: "completed"}
    assert set(active_children()) <= before


def test_ctrl_c_while_workers_start_is_the_searchs_alone(fakes, folder):
    """It reaches all processes in the foreground, and workers begin with seconds of imports."""
    (folder / "slow_imports.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(30)\n")
    program = f"""
import sys
sys.path.insert(0, {str(folder)!r})
from metaqnn.executors import LocalExecutor, Place, Task
from state_space import Architecture
from contextlib import nullcontext

class LateImport:
    def __reduce__(self):
        return __import__, ("slow_imports",)

class Coordinator:
    together = nullcontext
    def next_task(self):
        return Task(1, Architecture.parse("[C(64,1,1), GAP(10), SM(10)]"), 1)

if __name__ == "__main__":
    try:
        LocalExecutor([Place(LateImport())]).run(Coordinator())
    except KeyboardInterrupt:
        sys.exit(130)
"""
    (folder / "search.py").write_text(program)
    process = subprocess.Popen(
        [sys.executable, folder / "search.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "importing\n"
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (130, "")


def test_no_process_is_left_whatever_happened(make, recorder, fakes, before):
    def stop(task, report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(2).run(recorder([1, fakes.HANGING, 3], stop=stop))
    assert set(active_children()) <= before


@pytest.mark.parametrize("seed", ["1", "fake_trainers.HANGING"])
def test_workers_end_by_themselves_when_the_search_is_killed(fakes, folder, seed):
    """Even in the middle of an epoch: the network that hangs does so in its second."""
    program = f"""
import os, signal, sys, threading
sys.path.insert(0, {os.path.dirname(fakes.__file__)!r})
import fake_trainers
from metaqnn.executors import LocalExecutor, Place, Task
from multiprocessing import active_children
from state_space import Architecture
from contextlib import nullcontext

class Coordinator:
    together = nullcontext
    def next_task(self):
        return Task(1, Architecture.parse("[C(64,1,1), GAP(10), SM(10)]"), {seed})
    def on_epoch(self, task, report):
        print(active_children()[0].pid, flush=True)
        kill = threading.Timer(0.5 if task.seed > 1 else 0, os.kill, (os.getpid(), signal.SIGKILL))
        kill.start()
        if task.seed == 1:
            kill.join()

if __name__ == "__main__":
    LocalExecutor([Place(fake_trainers.FakeTrainer)]).run(Coordinator())
"""
    (folder / "search.py").write_text(program)
    killed = subprocess.run([sys.executable, folder / "search.py"], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    assert gone(int(killed.stdout))


def gone(pid, seconds=300.0):
    """Whether that process ends within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
        if not state.strip() or state.startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def test_a_large_network_waits_until_its_device_has_memory_for_it(fakes, recorder):
    """Networks 1 and 2 fit together, 3 only alone, 4 and 5 together."""
    demands = {1: 0.5, 2: 0.5, 3: 1.5, 4: 0.3, 5: 0.7}
    running, together = set(), []

    class Watched(recorder):
        def next_task(self):
            task = super().next_task()
            return task and replace(task, architecture=task.number)  # the number stands for the architecture

        def on_epoch(self, task, report):
            running.add(task.number)
            together.append(frozenset(running))
            return False

        def on_result(self, task, result):
            running.discard(task.number)
            super().on_result(task, result)

    record = Watched(range(1, 6))
    places = [Place(partial(fakes.FakeTrainer, None, 100), "gpu")] * 3
    LocalExecutor(places, demand=demands.__getitem__).run(record)
    assert record.outcomes() == dict.fromkeys(range(1, 6), "completed")
    assert all(len(group) == 1 or sum(map(demands.get, group)) <= 1 for group in together)
    assert max(map(len, together)) == 2


def test_a_task_that_waited_when_a_run_ended_is_no_task_of_the_next_run(make, recorder):
    def stop(task, report):
        raise ZeroDivisionError("a bug in the rule")

    executor = make(2, demand=lambda architecture: 1.0)
    with pytest.raises(ZeroDivisionError):
        executor.run(recorder([1, 2], stop=stop))
    record = recorder([3])
    executor.run(record)
    assert record.outcomes() == {1: "completed"}
    assert [event[3] for event in record.of(1)[:-1]] == [0.2, 0.25, 0.3, 0.35]


def test_every_device_has_memory_of_its_own(fakes, recorder, folder):
    """Two networks that need nearly all of it meet in the middle of their trainings."""
    record = recorder([fakes.MEETING] * 2)
    places = [Place(partial(fakes.FakeTrainer, str(folder)), device) for device in ("first", "second")]
    LocalExecutor(places, demand=lambda architecture: 0.9, epoch_timeout=60.0).run(record)
    assert record.outcomes() == {1: "completed", 2: "completed"}
    assert len(set(processes(record).values())) == 2
