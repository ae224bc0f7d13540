"""The search: propose networks, train them while the stopping rule allows, learn from their rewards."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from metaqnn.config.search import SearchConfig
from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.executors import CRASHED, TIMED_OUT, Executor, SearchStopped, Task
from metaqnn.search import repeats
from metaqnn.search.agent import QLearner, ReplayMemory
from metaqnn.search.events import Afterwards, Job, SearchListener
from metaqnn.search.history import History
from metaqnn.search.monitor import TrainingMonitor
from metaqnn.search.network_files import Finalist, NetworkFiles
from metaqnn.search.randomness import Purpose, derived_seed, generator
from metaqnn.search.remarks import Remarks
from metaqnn.search.replay import learn
from predictor import Decision, StoppingRule
from state_space import Architecture, StateSpace
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance

FAULTS = {CRASHED, TIMED_OUT, Outcome.OUT_OF_MEMORY}
CONSECUTIVE_FAULTS = 10


@dataclass(frozen=True)
class _Running:
    """A network in training, and who follows it."""

    job: Job
    monitor: TrainingMonitor


class Search:
    """A search over a state space, restored from whatever its database holds.

    It is the `Coordinator` of the executor that runs its trainings.

    Q-values, the place in the epsilon schedule, and all random numbers are functions of the
    configuration and the stored events, so that a search killed at any moment and constructed again
    goes on as if nothing had happened.

    Args:
        config: the configuration stored in the database.
        space: the state space.
        database: where every event goes.
        rule: decides after each epoch whether a training goes on.
        files: where networks in training are saved, and the best ones; None for trainers that cannot save.
        chance: the trainer starts a network that is no better again with a lower rate, and its level is the
            reward of networks that failed.

    Example:
        Three networks on the embedded digits, each trained for one epoch, in a new run folder:

        >>> from pathlib import Path
        >>> from metaqnn import SearchConfig
        >>> from metaqnn.config.environment import Environment
        >>> from metaqnn.config.schedule import EpsilonSchedule
        >>> from metaqnn.session.run_folder import RunFolder
        >>> from metaqnn.session.start import begin, prepare
        >>> config = SearchConfig.of("first-run", epochs=1, schedule=EpsilonSchedule.parse("1.0:3"))
        >>> folder = RunFolder(Path("digits"))
        >>> with folder.lock():
        ...     session = begin(prepare(config, Environment(device="cpu")), folder)
        ...     session.search.run(session.executor)
        ...     session.database.close()
        >>> session.search.trained
        3
    """

    def __init__(
        self,
        config: SearchConfig,
        space: StateSpace,
        database: ReplayDatabase,
        rule: StoppingRule,
        files: NetworkFiles | None = None,
        *,
        chance: Chance,
    ) -> None:
        self.config = config
        self.space = space
        self.agent = QLearner(space, alpha=config.alpha, gamma=config.gamma, initial=config.initial_q)
        self.memory = ReplayMemory(self.agent, seed=config.seed, draws=config.replays)
        self.history = History(config.epochs)
        self._database = database
        self._rule = rule
        self._files = files
        self._listener = SearchListener()
        self._chance = chance
        self._remarks = Remarks(chance, config.initial_q)
        self._running: dict[int, _Running] = {}
        self._jobs: dict[Architecture, Job] = {}
        self._unfinished: list[Job] = []
        self._rewards: dict[int, float] = {}
        self._waiting: dict[int, list[int]] = {}  # network id -> proposals that wait for its result
        self._afterwards = Afterwards(database)
        self._proposals = 0
        self._faults = 0
        self._repeats = 0  # walks in a row, since the last event, that found nothing new
        self._restore()

    @property
    def trained(self) -> int:
        """Networks whose training has ended, however it ended."""
        return len(self._rewards)

    def run(self, executor: Executor, listener: SearchListener | None = None) -> None:
        """Train networks until the schedule is done, telling `listener` about every event.

        Raises:
            SearchStopped: nothing new is found any more, or many networks in a row failed.
        """
        self._listener = listener or SearchListener()
        executor.run(self)

    def together(self) -> AbstractContextManager[None]:
        """See `Coordinator`. Nobody hears of an event, and no file goes, before the database has it."""
        return self._afterwards.together()

    def next_task(self) -> Task | None:
        """The next network to train, an interrupted one first; None when the schedule is done.

        Raises:
            FolderGoneError: the run folder is gone.
            SearchStopped: nothing new is found any more.
        """
        if self._files is not None:
            self._files.require_folder()
        interrupted = bool(self._unfinished)
        job = self._unfinished.pop(0) if interrupted else self._propose()
        if job is None:
            return None
        stored = self._database.stored_epochs(job.network_id) if interrupted else []
        self._afterwards.when_stored(lambda: self._listener.started(job))
        self._running[job.number] = _Running(job, self._monitor(job, stored))
        seed = derived_seed(self.config.seed, Purpose.TRAINING, job.number)
        checkpoint = None if self._files is None else self._files.checkpoint(job.number)
        return Task(job.number, job.architecture, seed, checkpoint)

    def on_epoch(self, task: Task, report: EpochReport) -> bool:
        """See `Coordinator`."""
        return self._running[task.number].monitor.on_epoch(report)

    def on_result(self, task: Task, result: TrainingResult) -> None:
        """Learn from the reward of a network."""
        self._end(task, self._running[task.number].monitor.result(result))

    def on_failure(self, task: Task, outcome: str, message: str) -> None:
        """A crash of the trainer is a recorded outcome."""
        self._end(task, self._running[task.number].monitor.failure(outcome, message))

    def _end(self, task: Task, result: NetworkResult) -> None:
        running = self._running.pop(task.number)
        self._finish(running.job, result, running.monitor)
        self._afterwards.when_stored(lambda: self._ended(running.job, result))
        self._count_faults(result)
        self._remarks.finished(result.outcome)

    def _ended(self, job: Job, result: NetworkResult) -> None:
        """The result of a network is stored."""
        if self._files is not None:
            self._files.ended(job.number, _finalists(job, result.final_accuracy))
        self._listener.finished(job, result)

    def _heard(self, job: Job, report: EpochReport, decision: Decision | None) -> None:
        self._afterwards.when_stored(lambda: self._listener.epoch(job, report, decision))

    def _monitor(self, job: Job, stored: list[tuple[EpochReport, Decision | None]]) -> TrainingMonitor:
        return TrainingMonitor(
            job=job,
            database=self._database,
            history=self.history,
            rule=self._rule,
            epochs=self.config.epochs,
            chance=self._chance,
            heard=self._heard,
            stored={(report.attempt, report.epoch): (report, decision) for report, decision in stored},
            audited=self._audited(job),
        )

    def _audited(self, job: Job) -> bool:
        """Whether the network is trained to the end when the rule would stop it."""
        if not self.config.audit:
            return False
        draw = generator(self.config.seed, Purpose.AUDIT_IN_LOOP, job.number).random()
        return bool(draw < self.config.audit)

    def _propose(self) -> Job | None:
        if len(self._jobs) >= self.config.schedule.total:
            return None
        epsilon = self.config.schedule.epsilon(len(self._jobs))
        if epsilon < 1:
            self._remarks.choosing(self._rewards.values())
        while self._repeats < repeats.CONSECUTIVE_REPEATS:
            rng = generator(self.config.seed, Purpose.SAMPLE, self._proposals)
            architecture = self.agent.sample(epsilon, rng)
            if architecture not in self._jobs:
                return self._add_new(architecture, epsilon)
            self._add_repeat(self._jobs[architecture], epsilon)
        if self._running:  # what they find may change the walks
            return None
        reason = repeats.nothing_new(repeats.CONSECUTIVE_REPEATS, epsilon, len(self._jobs))
        raise SearchStopped(reason, for_good=True)

    def _add_new(self, architecture: Architecture, epsilon: float) -> Job:
        number = len(self._jobs) + 1
        shape, classes = self.space.input_shape, self.space.num_classes
        parameters, depth = architecture.parameters(shape, classes), architecture.depth
        network = {
            "number": number,
            "architecture": str(architecture),
            "parameters": parameters,
            "depth": depth,
            "num_params": architecture.weights(shape),
            "macs": architecture.macs(shape, classes),
        }
        network_id = self._database.propose(self._proposals, epsilon, network)
        self._waiting[network_id] = [self._proposals]
        self._proposals += 1
        self._repeats = 0
        self._jobs[architecture] = job = Job(network_id, number, epsilon, architecture, parameters, depth)
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
        self._repeats += 1

    def _finish(self, job: Job, result: NetworkResult, monitor: TrainingMonitor) -> None:
        waiting = self._waiting.pop(job.network_id)
        positions = {proposal: len(self.memory) + place for place, proposal in enumerate(waiting)}
        self._database.finish(job.network_id, result, len(self._rewards) + 1, positions)
        self._rewards[job.network_id] = result.reward
        self._repeats = 0  # what was learned may change the walks
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
        finalists: list[Finalist] = []
        for row in self._database.stored_networks():
            architecture = Architecture.parse(row.architecture)
            job = Job(row.id, row.number, row.epsilon, architecture, row.parameters, row.depth)
            self._jobs[architecture] = jobs[row.id] = job
            if row.reward is None:
                self._unfinished.append(job)
            else:
                self._rewards[row.id] = row.reward
            finalists += _finalists(job, row.final_accuracy)
        for network_id, (learning_rate, accuracies) in curves.items():
            job = jobs[network_id]
            self.history.append(self.history.curve(job.parameters, job.depth, learning_rate, accuracies))
        self._restore_samples(jobs)
        if self._files is not None:
            self._files.tidy([job.number for job in self._unfinished], finalists)

    def _restore_samples(self, jobs: dict[int, Job]) -> None:
        stored = self._database.stored_samples()
        self._proposals = len(stored)
        for sample in stored:
            if sample.position is None:
                self._waiting.setdefault(sample.network_id, []).append(sample.proposal)
        remembered = [sample for sample in stored if sample.position is not None]
        known: set[int] = set()
        for sample in sorted(remembered, key=lambda sample: sample.position):
            self.memory.recall(jobs[sample.network_id].architecture, self._rewards[sample.network_id])
            self._repeats = self._repeats + 1 if sample.network_id in known else 0
            known.add(sample.network_id)
        learn(self.agent, self.memory.samples, seed=self.config.seed, draws=self.config.replays)


def _finalists(job: Job, final_accuracy: float | None) -> list[Finalist]:
    """The network, if it was trained to the end."""
    if final_accuracy is None:
        return []
    return [Finalist(job.number, str(job.architecture), job.parameters, final_accuracy)]
