import logging
from dataclasses import replace
from time import sleep

import pytest
import torch

from trainers import Checkpoint, EpochReport, Outcome, TrainingRecipe
from trainers.attempts import Course, TrainingState
from trainers.chance import Chance
from trainers.memory import OutOfMemory

RECIPE = TrainingRecipe(epochs=4, attempts=3)
CHANCE = Chance(0.1, 0.15)
WHOLE = [(1, 1), (2, 1), (2, 2), (2, 3), (2, 4)]
"""Attempts and epochs of a training whose first attempt stays at chance level."""


class Killed(BaseException):
    """Stands for the end of the process."""


def no_step(images, labels):
    raise AssertionError("the script says what the epochs come to")


class Scripted:
    """A training without arithmetic: the one weight counts the epochs of its attempt.

    `accuracies` are those of the epochs in WHOLE; `dies` names a step ("train", "save", "hear") and the
    number of the call before which the process ends.
    """

    def __init__(
        self, path, accuracies=(0.1, 0.3, 0.4, 0.5, 0.6), losses=None, dies=None, stop=None,
        momentum=0, every=0.0, chance=CHANCE, places=WHOLE,
    ):  # fmt: skip
        self.accuracies = dict(zip(places, accuracies, strict=False))
        self.chance = chance
        self.losses = losses or {}
        self.dies = dies
        self.stop = stop
        self.momentum = momentum
        self.checkpoint = Checkpoint(path, every)
        self.saved = []
        self.started, self.trained, self.heard = [], [], []
        self.calls = dict.fromkeys(("train", "save", "hear"), 0)

    def step(self, name):
        self.calls[name] += 1
        if self.dies == (name, self.calls[name]):
            raise Killed

    def start(self, attempt):
        self.started.append(attempt)
        network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(network.weight)
        optimizer = torch.optim.SGD(network.parameters(), lr=0, momentum=self.momentum)
        return TrainingState(network, optimizer, no_step, attempt)

    def train_epoch(self, state):
        self.step("train")
        if self.momentum:
            state.network.weight.grad = torch.ones(1, 1)
            state.optimizer.step()  # of size 0, with moments
        with torch.no_grad():
            state.network.weight += 1
        state.epoch += 1
        assert state.network.weight.item() == state.epoch
        place = (state.attempt, state.epoch)
        self.trained.append(place)
        return EpochReport(
            state.attempt, 1e-3, state.epoch, self.accuracies[place], self.losses.get(place, 1.0), 0.5
        )

    def save(self, training, identity):
        self.step("save")
        Checkpoint.save(self.checkpoint, training, identity)
        self.saved.append((training.reports[-1].attempt, training.reports[-1].epoch))

    def hear(self, report):
        self.step("hear")
        self.heard.append((report.attempt, report.epoch))
        return self.heard[-1] == self.stop

    def run(self, recipe=RECIPE):
        recording = Checkpoint(self.checkpoint.path, self.checkpoint.every)
        recording.save = self.save
        return Course(
            recipe,
            self.chance,
            start=self.start,
            train_epoch=self.train_epoch,
            on_epoch=self.hear,
            checkpoint=recording,
            identity={"name": "scripted"},
        ).run()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "1.checkpoint"


@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("step", ["train", "save", "hear"])
def test_a_training_killed_anywhere_goes_on_as_if_nothing_had_happened(path, step, call):
    killed = Scripted(path, dies=(step, call))
    with pytest.raises(Killed):
        killed.run()
    resumed = Scripted(path)
    result = resumed.run()
    assert resumed.heard == WHOLE
    assert (result.outcome, result.attempt, result.curve) == (Outcome.COMPLETED, 2, (0.3, 0.4, 0.5, 0.6))
    assert resumed.trained == WHOLE[len(killed.saved) :]
    assert len(killed.saved) >= len(killed.trained) - 2  # one in training while the one before is written


LATER = [(1, 1), (1, 2), (1, 3), *((2, epoch) for epoch in (1, 2, 3, 4))]
"""Like WHOLE, for a first attempt that is at chance level after epoch 3, when that is asked."""


@pytest.mark.parametrize("call", range(1, 8))
@pytest.mark.parametrize("step", ["train", "hear"])
def test_where_chance_is_asked_later_a_killed_training_goes_on_just_as_well(path, step, call):
    accuracies = 0.1, 0.1, 0.1, 0.1, 0.12, 0.3, 0.4
    script = {"accuracies": accuracies, "chance": Chance(0.1, 0.15, epoch=3), "places": LATER}
    with pytest.raises(Killed):
        Scripted(path, dies=(step, call), **script).run()
    resumed = Scripted(path, **script)
    result = resumed.run()
    assert resumed.heard == LATER
    assert (result.outcome, result.attempt, result.curve) == (Outcome.COMPLETED, 2, accuracies[3:])


@pytest.mark.parametrize(("asked", "tries"), [(1, 3), (2, 3), (3, 2)])
def test_failed_tries_take_little_more_than_a_full_training(path, asked, tries):
    """T = 4 and at most three tries: where chance is asked after epoch 3, two tries have taken six epochs."""
    places = [(attempt, epoch) for attempt in range(1, tries + 1) for epoch in range(1, asked + 1)]
    chance = Chance(0.1, 0.15, epoch=asked)
    subject = Scripted(path, accuracies=[0.1] * len(places), chance=chance, places=places)
    assert subject.run().outcome is Outcome.CHANCE
    assert subject.heard == places


def test_where_the_first_epoch_decides_even_one_epoch_gets_all_tries(path):
    places = [(attempt, 1) for attempt in (1, 2, 3)]
    subject = Scripted(path, accuracies=[0.1] * 3, places=places)
    assert subject.run(TrainingRecipe(epochs=1, attempts=3)).outcome is Outcome.CHANCE
    assert subject.heard == places


def test_where_chance_is_never_asked_a_network_that_learns_nothing_is_trained_to_the_end(path):
    places = [(1, epoch) for epoch in (1, 2, 3, 4)]
    subject = Scripted(path, accuracies=[0.1] * 4, chance=Chance(0.1, 0.15, epoch=None), places=places)
    assert subject.run().outcome is Outcome.COMPLETED
    assert subject.heard == places


@pytest.mark.parametrize(("call", "losses"), [(1, {}), (5, {}), (4, {(2, 3): float("nan")})])
@pytest.mark.parametrize("every", [0.0, 1e9])
def test_what_decides_about_weights_and_attempts_is_saved_before_it_is_heard(path, call, losses, every):
    """The last epoch, whose weights may be kept, a first one that failed, and one that diverged."""
    subject = Scripted(path, losses=losses, every=every)
    on_disk = []

    def hear(report):
        saved = subject.checkpoint.load({"name": "scripted"})
        on_disk.append(saved and [(report.attempt, report.epoch) for report in saved.reports])
        return False

    subject.hear = hear
    subject.run()
    assert on_disk[call - 1] == WHOLE[:call]


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_whose_epochs_these_are_is_on_a_slow_disk_before_the_first_is_heard(path, every):
    subject = Scripted(path, [0.3], every=every, places=[(1, 1)])
    save, on_disk = subject.save, []
    subject.save = lambda *training: (sleep(0.1), save(*training))
    subject.hear = lambda _: on_disk.append(Checkpoint(path).is_of({"name": "scripted"})) or True
    assert subject.run().outcome is Outcome.STOPPED
    assert on_disk == [True]


def test_a_kill_between_two_saves_costs_the_epochs_since_the_first_and_nothing_else(path):
    killed = Scripted(path, dies=("hear", 4), every=1e9)
    with pytest.raises(Killed):
        killed.run()
    assert killed.saved == [(1, 1)]
    resumed = Scripted(path, every=1e9)
    result = resumed.run()
    assert resumed.heard == WHOLE
    assert resumed.trained == WHOLE[1:]
    assert (result.outcome, result.curve) == (Outcome.COMPLETED, (0.3, 0.4, 0.5, 0.6))


def test_without_its_checkpoint_a_training_begins_again_and_the_same_is_heard(path):
    with pytest.raises(Killed):
        Scripted(path, dies=("hear", 4)).run()
    path.write_bytes(path.read_bytes()[:-1])
    resumed = Scripted(path)
    assert resumed.run().outcome is Outcome.COMPLETED
    assert resumed.heard == resumed.trained == WHOLE


@pytest.mark.parametrize(
    ("script", "outcome", "epochs"),
    [
        ({}, Outcome.COMPLETED, 5),
        ({"stop": (2, 2)}, Outcome.STOPPED, 3),
        ({"stop": (1, 1)}, Outcome.STOPPED, 1),  # although it failed: whoever stops does not want another try
        ({"losses": {(2, 2): float("nan")}}, Outcome.DIVERGED, 3),
        ({"losses": {(2, 3): float("nan")}}, Outcome.DIVERGED, 4),
        ({"losses": {(2, 3): float("inf")}, "stop": (2, 3)}, Outcome.DIVERGED, 4),
    ],
)
def test_a_training_that_had_ended_ends_the_same_way_without_training(path, script, outcome, epochs):
    first = Scripted(path, **script)
    ended = first.run()
    again = Scripted(path, **script)
    repeated = again.run()
    assert ended.outcome is repeated.outcome is outcome
    assert (ended.curve, ended.message) == (repeated.curve, repeated.message)
    assert first.heard == again.heard == WHOLE[:epochs]
    assert again.trained == []


def test_only_the_attempt_in_progress_is_built_again(path):
    with pytest.raises(Killed):
        Scripted(path, dies=("train", 4)).run()
    resumed = Scripted(path)
    resumed.run()
    assert set(resumed.started) == {2}  # once to see whether the checkpoint fits


def changed(path, **changes):
    """Give a checkpoint other content, with the right checksum."""
    checkpoint = Checkpoint(path)
    saved = checkpoint.load(None)
    new = {name: change(getattr(saved, name)) for name, change in changes.items()}
    checkpoint.save(replace(saved, **new), {"name": "scripted"})


@pytest.mark.parametrize(
    "changes",
    [
        {"network": lambda tensors: {"bias": tensors["weight"]}},
        {"network": lambda tensors: {}},
        {"network": lambda tensors: tensors | {"bias": torch.ones(1)}},
        {"network": lambda tensors: {"weight": torch.ones(1, 2)}},
        {"network": lambda tensors: {"weight": torch.ones(1, 1, dtype=torch.int64)}},
        {"optimizer": lambda moments: {}},
        {"optimizer": lambda moments: {1: moments[0]}},
        {"optimizer": lambda moments: {0: {"other": torch.ones(1, 1)}}},
        {"optimizer": lambda moments: {0: {"momentum_buffer": torch.ones(2, 2)}}},
        {"reports": lambda reports: reports[1:]},
        {"reports": lambda reports: reports[::-1]},
        {"reports": lambda reports: (*reports, reports[-1])},
        {"reports": lambda reports: (reports[0], replace(reports[0], epoch=2))},
        {"reports": lambda reports: (*reports, replace(reports[0], attempt=3))},
    ],
)
def test_a_checkpoint_of_other_tensors_or_epochs_is_none_and_nobody_hears_of_it(path, changes, caplog):
    killed = Scripted(path, dies=("train", 4), momentum=0.9)
    with pytest.raises(Killed):
        killed.run()
    assert killed.saved == WHOLE[:3]
    intact = path.read_bytes()
    changed(path, **changes)
    resumed = Scripted(path, momentum=0.9)
    result = resumed.run()
    assert resumed.heard == resumed.trained == WHOLE
    assert (result.outcome, result.curve) == (Outcome.COMPLETED, (0.3, 0.4, 0.5, 0.6))
    assert len([record for record in caplog.records if "is ignored" in record.message]) == 1
    path.write_bytes(intact)
    again = Scripted(path, momentum=0.9)
    again.run()
    assert again.trained == WHOLE[3:]


def test_too_little_memory_to_check_a_checkpoint_is_told_after_its_epochs(path):
    with pytest.raises(Killed):
        Scripted(path, dies=("train", 4)).run()

    def start(attempt):
        raise OutOfMemory("9 bytes")

    resumed = Scripted(path)
    resumed.start = start
    result = resumed.run()
    assert (result.outcome, result.curve) == (Outcome.OUT_OF_MEMORY, (0.3, 0.4))
    assert resumed.heard == WHOLE[:3]


def test_the_time_before_a_kill_counts(path, monkeypatch):
    """A clock of the process: starts anywhere, advances by 10 s per call."""
    now = [1000.0]

    def tick():
        now[0] += 10
        return now[0]

    monkeypatch.setattr("trainers.attempts.perf_counter", tick)
    with pytest.raises(Killed):
        Scripted(path, dies=("train", 3)).run()
    spent = Checkpoint(path).load({"name": "scripted"}).seconds
    assert spent == 20  # two saves after the start
    now[0] = 5.0
    assert Scripted(path, stop=(2, 2)).run().seconds == spent + 20  # one save and the end


def test_a_checkpoint_that_cannot_be_written_costs_a_warning(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    subject = Scripted(tmp_path / "missing" / "1.checkpoint")
    assert subject.run().outcome is Outcome.COMPLETED
    assert subject.heard == WHOLE
    assert len(caplog.records) == 5
    assert "epoch 4 is not saved" in caplog.text


def test_after_failed_writes_the_missing_epochs_are_trained_again(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    subject = Scripted(path, dies=("save", 3))
    with pytest.raises(Killed):
        subject.run()
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(Killed):
        Scripted(path, dies=("train", 3)).run()
    monkeypatch.undo()
    resumed = Scripted(path)
    resumed.run()
    assert (resumed.heard, resumed.trained) == (WHOLE, WHOLE[2:])


def test_running_out_of_memory_in_a_later_attempt_leaves_no_curve(path, monkeypatch):
    subject = Scripted(path)
    original = subject.train_epoch

    def train_epoch(state):
        if state.attempt == 2:
            raise OutOfMemory("9 bytes")
        return original(state)

    subject.train_epoch = train_epoch
    result = subject.run()
    assert (result.outcome, result.attempt, result.curve) == (Outcome.OUT_OF_MEMORY, 2, ())
    assert "9 bytes" in result.message


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (float("nan"), "training loss nan in epoch 1"),
        (2.3, f"accuracy 5.00% after epoch 1 is at most {CHANCE.threshold:.2%}, training loss 2.3"),
    ],
)
def test_a_first_loss_that_is_not_finite_is_not_blamed_on_the_accuracy(path, loss, why):
    places = [(attempt, 1) for attempt in (1, 2, 3)]
    losses = dict.fromkeys(places, loss)
    accuracy = 0.05 if loss == 2.3 else 0.6  # above chance, but for nothing
    result = Scripted(path, [accuracy] * 3, losses, places=places).run()
    assert result.outcome is Outcome.CHANCE
    assert result.message == f"no better than chance in attempt 3: {why}"
