"""The search: propose networks, train them while the stopping rule allows, learn from their rewards."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from metaqnn.config.search import SearchConfig
from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.executors import CRASHED, TIMED_OUT, Executor, SearchStopped, Task
from metaqnn.output import last_line
from metaqnn.search import remarks
from metaqnn.search.events import Afterwards, Job, SearchListener
from metaqnn.search.knowledge import Knowledge, finalists
from metaqnn.search.monitor import TrainingMonitor
from metaqnn.search.network_files import NetworkFiles
from metaqnn.search.randomness import Purpose, derived_seed, generator
from metaqnn.search.remarks import Remarks
from predictor import Decision, StoppingRule
from state_space import StateSpace
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
        chance: a network that is no better is started again by the trainer, at a lower rate; the level of
            chance is the reward of networks that failed.

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
        self.known = Knowledge(config, space, database)
        self._database = database
        self._rule = rule
        self._files = files
        self._listener = SearchListener()
        self._chance = chance
        self._remarks = Remarks(chance, config.initial_q)
        self._running: dict[int, _Running] = {}
        self._afterwards = Afterwards(database)
        self._faults = 0
        if files is not None:
            files.tidy([job.number for job in self.known.unfinished], self.known.finalists)

    @property
    def trained(self) -> int:
        """Networks whose training has ended, however it ended."""
        return len(self.known.rewards)

    def run(self, executor: Executor, listener: SearchListener | None = None) -> None:
        """Train networks until the schedule is done, telling `listener` about every event.

        Raises:
            SearchStopped: nothing new is found any more, or many networks in a row failed.
        """
        self._listener = listener or SearchListener()
        executor.run(self)

    def together(self) -> AbstractContextManager[None]:
        """See `Coordinator`. Listeners hear of an event, and files change, only once the database has it."""
        return self._afterwards.together()

    def next_task(self) -> Task | None:
        """The next network to train, an interrupted one first; None when the schedule is done.

        Raises:
            FolderGoneError: the run folder is gone.
            SearchStopped: nothing new is found any more.
        """
        if self._files is not None:
            self._files.require_folder()
        interrupted = bool(self.known.unfinished)
        job = self.known.unfinished.pop(0) if interrupted else self._propose()
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
        """Record a crash or a time-out as the outcome of a network."""
        self._end(task, self._running[task.number].monitor.failure(outcome, message))

    def _end(self, task: Task, result: NetworkResult) -> None:
        running = self._running.pop(task.number)
        self.known.finish(running.job, result)
        if result.outcome in (Outcome.COMPLETED, Outcome.STOPPED):
            self.known.history.append(running.monitor.curve())
        self._afterwards.when_stored(lambda: self._ended(running.job, result))
        self._count_faults(result)
        self._remarks.finished(result.outcome)

    def _ended(self, job: Job, result: NetworkResult) -> None:
        """The result of a network is stored."""
        if self._files is not None:
            self._files.ended(job.number, finalists(job, result.final_accuracy))
        self._listener.finished(job, result)

    def _heard(self, job: Job, report: EpochReport, decision: Decision | None) -> None:
        self._afterwards.when_stored(lambda: self._listener.epoch(job, report, decision))

    def _monitor(self, job: Job, stored: list[tuple[EpochReport, Decision | None]]) -> TrainingMonitor:
        return TrainingMonitor(
            job=job,
            database=self._database,
            history=self.known.history,
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
        proposed = len(self.known.jobs)
        if proposed >= self.config.schedule.total:
            return None
        epsilon = self.config.schedule.epsilon(proposed)
        if epsilon < 1:
            self._remarks.choosing(self.known.rewards.values())
        while self.known.repeats < remarks.CONSECUTIVE_REPEATS:
            job = self.known.propose(epsilon)
            if job is not None:
                return job
        if self._running:  # what they find may change the walks
            return None
        raise SearchStopped(remarks.nothing_new(epsilon, proposed), for_good=True)

    def _count_faults(self, result: NetworkResult) -> None:
        self._faults = self._faults + 1 if result.outcome in FAULTS else 0
        if self._faults >= CONSECUTIVE_FAULTS:
            reason = last_line(result.message or "") or result.outcome
            raise SearchStopped(f"{self._faults} networks in a row failed, the last one with: {reason}")
