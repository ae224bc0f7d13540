"""The search: propose a network, train it while the stopping rule allows, learn from its reward."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from metaqnn.agent import QLearner, ReplayMemory
from metaqnn.config import SearchConfig
from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.history import History, NetworkFacts
from metaqnn.monitor import CRASHED, TrainingMonitor
from metaqnn.randomness import Purpose, derived_seed, generator
from predictor import Decision, StoppingRule
from state_space import Architecture, StateSpace
from trainers import EpochReport, Outcome, TrainingResult

FAULTS = {CRASHED, Outcome.OUT_OF_MEMORY}
CONSECUTIVE_FAULTS = 10
CONSECUTIVE_REPEATS = 1000


class SearchStopped(RuntimeError):  # noqa: N818 - a reason, not an error of the program
    """The search cannot sensibly go on; the message says why. Everything so far is stored."""


class Trainer(Protocol):
    """Anything that trains an architecture and reports each epoch; `trainers.ClassifierTrainer` is one."""

    @property
    def chance(self) -> float:
        """After a first epoch with at most this accuracy the trainer starts again with a lower rate."""
        ...

    def train(
        self, architecture: Architecture, *, seed: int, on_epoch: Callable[[EpochReport], bool]
    ) -> TrainingResult:
        """Train; stop after the epoch for which `on_epoch` returns True."""
        ...


@dataclass(frozen=True)
class Job:
    """A network to be trained."""

    network_id: int
    number: int
    epsilon: float
    architecture: Architecture
    facts: NetworkFacts


class Progress:
    """What a search tells about itself. These methods do nothing; override what you want to hear."""

    def started(self, job: Job) -> None:
        """A network's training begins."""

    def epoch(self, report: EpochReport, decision: Decision | None) -> None:
        """An epoch has been stored."""

    def finished(self, job: Job, result: NetworkResult) -> None:
        """A network's result has been stored."""

    def close(self) -> None:
        """The search has ended, however it ended."""


class Search:
    """A search over a state space, restored from whatever its database holds.

    Q-values, the place in the epsilon schedule, and all random numbers are functions of the
    configuration and the stored events, so that a search killed at any moment and constructed again
    goes on as if nothing had happened.

    Args:
        config: the configuration stored in the database.
        space: the state space.
        database: where every event goes.
        rule: decides after each epoch whether a training goes on.
    """

    def __init__(
        self,
        config: SearchConfig,
        space: StateSpace,
        database: ReplayDatabase,
        rule: StoppingRule,
    ) -> None:
        self.config = config
        self.space = space
        self.agent = QLearner(space, alpha=config.alpha, gamma=config.gamma, initial=config.initial_q)
        self.memory = ReplayMemory(self.agent, seed=config.seed, draws=config.replays)
        self.history = History(config.epochs)
        self._database = database
        self._rule = rule
        self._jobs: dict[Architecture, Job] = {}
        self._unfinished: list[Job] = []
        self._rewards: dict[int, float] = {}
        self._waiting: dict[int, list[int]] = {}  # network id -> proposals that wait for its result
        self._proposals = 0
        self._faults = 0
        self._restore()

    @property
    def trained(self) -> int:
        """Networks whose training has ended, however it ended."""
        return len(self._rewards)

    def run(self, trainer: Trainer, progress: Progress | None = None) -> None:
        """Train networks until the schedule is done, telling `progress` about every event.

        Raises:
            SearchStopped: nothing new is found any more, or many networks in a row failed.
        """
        while (job := self.next_job()) is not None:
            self.train(job, trainer, progress or Progress())

    def next_job(self) -> Job | None:
        """The next network to train, an interrupted one first; None when the schedule is done."""
        if self._unfinished:
            job = self._unfinished.pop(0)
            self._database.forget_training(job.network_id)
            return job
        return self._propose()

    def train(self, job: Job, trainer: Trainer, progress: Progress) -> None:
        """Train one network and learn from its reward. A crash of the trainer is a recorded outcome."""
        progress.started(job)
        monitor = TrainingMonitor(
            job.network_id,
            job.facts,
            database=self._database,
            history=self.history,
            rule=self._rule,
            epochs=self.config.epochs,
            chance=trainer.chance,
            num_classes=self.space.num_classes,
            heard=progress.epoch,
        )
        result = self._result(job, trainer, monitor)
        self._finish(job, result, monitor)
        progress.finished(job, result)
        self._count_faults(result)

    def _result(self, job: Job, trainer: Trainer, monitor: TrainingMonitor) -> NetworkResult:
        seed = derived_seed(self.config.seed, Purpose.TRAINING, job.number)
        try:
            training = trainer.train(job.architecture, seed=seed, on_epoch=monitor.on_epoch)
        except Exception:
            if monitor.broken:
                raise
            return monitor.crash(traceback.format_exc())
        return monitor.result(training)

    def _propose(self) -> Job | None:
        for _ in range(CONSECUTIVE_REPEATS):
            if len(self._jobs) >= self.config.schedule.total:
                return None
            epsilon = self.config.schedule.epsilon(len(self._jobs))
            rng = generator(self.config.seed, Purpose.SAMPLE, self._proposals)
            architecture = self.agent.sample(epsilon, rng)
            if architecture not in self._jobs:
                return self._add_new(architecture, epsilon)
            self._add_repeat(self._jobs[architecture], epsilon)
        raise SearchStopped(
            f"{CONSECUTIVE_REPEATS} walks in a row found nothing new: the state space is exhausted"
        )

    def _add_new(self, architecture: Architecture, epsilon: float) -> Job:
        number = len(self._jobs) + 1
        shape, classes = self.space.input_shape, self.space.num_classes
        facts = NetworkFacts(str(architecture), architecture.parameters(shape, classes), architecture.depth)
        counts = {"num_params": architecture.weights(shape), "macs": architecture.macs(shape, classes)}
        network_id = self._database.propose(
            self._proposals, epsilon, {"number": number, **vars(facts), **counts}
        )
        self._waiting[network_id] = [self._proposals]
        self._proposals += 1
        self._jobs[architecture] = job = Job(network_id, number, epsilon, architecture, facts)
        return job

    def _add_repeat(self, job: Job, epsilon: float) -> None:
        reward = self._rewards.get(job.network_id)
        position = None if reward is None else len(self.memory)
        self._database.repeat(self._proposals, epsilon, job.network_id, position)
        if reward is None:
            self._waiting[job.network_id].append(self._proposals)
        else:
            self.memory.add(job.architecture, reward)
        self._proposals += 1

    def _finish(self, job: Job, result: NetworkResult, monitor: TrainingMonitor) -> None:
        waiting = self._waiting.pop(job.network_id)
        positions = {proposal: len(self.memory) + place for place, proposal in enumerate(waiting)}
        self._database.finish(job.network_id, result, len(self._rewards) + 1, positions)
        self._rewards[job.network_id] = result.reward
        for _ in waiting:
            self.memory.add(job.architecture, result.reward)
        if result.outcome in (Outcome.COMPLETED, Outcome.STOPPED):
            self.history.append(monitor.curve())

    def _count_faults(self, result: NetworkResult) -> None:
        self._faults = self._faults + 1 if result.outcome in FAULTS else 0
        if self._faults >= CONSECUTIVE_FAULTS:
            reason = (result.message or result.outcome).strip().splitlines()[-1]  # of a traceback
            raise SearchStopped(f"{self._faults} networks in a row failed, the last one with: {reason}")

    def _restore(self) -> None:
        """Replay the stored events."""
        curves = self._database.curves()
        jobs: dict[int, Job] = {}
        for row in self._database.networks():
            facts = NetworkFacts(row.architecture, row.parameters, row.depth)
            architecture = Architecture.parse(row.architecture)
            job = Job(row.id, row.number, row.epsilon, architecture, facts)
            self._jobs[architecture] = jobs[row.id] = job
            if row.reward is None:
                self._unfinished.append(job)
            else:
                self._rewards[row.id] = row.reward
        for network_id, (learning_rate, accuracies) in curves.items():
            self.history.append(self.history.curve(jobs[network_id].facts, learning_rate, accuracies))
        self._restore_samples(jobs)

    def _restore_samples(self, jobs: dict[int, Job]) -> None:
        stored = self._database.samples()
        self._proposals = len(stored)
        for sample in stored:
            if sample.position is None:
                self._waiting.setdefault(sample.network_id, []).append(sample.proposal)
        remembered = [sample for sample in stored if sample.position is not None]
        for sample in sorted(remembered, key=lambda sample: sample.position):
            self.memory.add(jobs[sample.network_id].architecture, self._rewards[sample.network_id])
