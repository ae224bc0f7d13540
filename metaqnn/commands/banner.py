"""What `metaqnn run` prints before it trains: where, what, how, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import LAST_SEEN, NO_RULE, OWN_RULE, settings_of, split_reward
from metaqnn.output import counted, duration, size
from metaqnn.session.estimate import floating_point_work, mean_parameters, processor_speed
from metaqnn.session.images import notes_on
from metaqnn.session.start import Session
from predictor.rules.names import RuleSpec, rule_kind
from state_space.errors import printable
from trainers.chance import NEVER
from trainers.datasets import DATASET_NAMES, ImageDataset
from trainers.metric import ACCURACY

MOST_CLASSES = 20
"""At most this many classes get a line with their numbers of images."""
MOST_NAMED = 3
"""At most this many classes are named in a note about several."""
LONG = 6 * 3600
"""A search on a CPU that takes more seconds than this is worth a warning."""


def introduction(session: Session) -> str:
    """One line per fact."""
    config, trainer, search = session.config, session.trainer, session.search
    environment = session.prepared.environment
    lines = [
        f"run folder  {session.folder.path}",
        f"data set    {config.dataset}, images {trainer.input_shape}, {trainer.num_classes} classes",
        *_data(session),
        _preset(session),
        f"training    {counted(config.epochs, 'epoch')} on {trainer.device}, {environment.precision}",
        f"schedule    {counted(config.schedule.total, 'network')}, epsilon {config.schedule}",
        *_metric(config),
        *_stopping(config),
        _disk(session),
    ]
    if session.executor.workers > 1:
        lines.append(f"workers     {session.executor.workers} networks at a time")
    lines += _without_gpus(session)
    if search.trained:
        lines.append(f"resumed     {counted(search.trained, 'network')} already trained")
    lines += [f"note        {note}" for note in session.notes]
    return "\n".join([*lines, *_warning(session)])


def _without_gpus(session: Session) -> list[str]:
    """A note if an option for GPUs was given but there are none."""
    environment, device = session.prepared.environment, session.trainer.device
    if environment.workers_per_gpu == 1:
        return []
    asked = f"--workers-per-gpu {environment.workers_per_gpu}"
    if environment.executor == "ray":
        from metaqnn.executors.ray import has_gpus  # Ray is an extra, and connected by now

        if has_gpus() and environment.device != "cpu":
            return []
        why = "--device is cpu" if environment.device == "cpu" else "the Ray cluster has no GPU"
        return [f"note        {asked} has no effect: {why}"]
    if device.type == "cuda":
        return []
    return [f"note        {asked} has no effect on {device}: --threads determines how many workers there are"]


def _preset(session: Session) -> str:
    config = session.config
    if config.dataset in DATASET_NAMES or session.search.trained:
        return f"preset      {config.preset}"
    return (
        f"preset      {config.preset} (for your own images: laptop on a CPU; paper, the published search, "
        "on a GPU; --preset chooses)"
    )


def _metric(config: SearchConfig) -> list[str]:
    """A line about the metric; none for accuracy, which nearly everybody measures."""
    if config.metric == ACCURACY:
        return []
    said = "every class counts equally in it and in the training loss; all accuracies below are of this kind"
    return [f"metric      {config.metric_text}: {said}"]


def _data(session: Session) -> list[str]:
    """The numbers of images by use and class, and notes on what was left out or decided."""
    dataset = session.prepared.dataset
    parts = {**session.prepared.labels, "test": dataset.test_labels}
    counts = {part: np.bincount(labels, minlength=dataset.num_classes) for part, labels in parts.items()}
    lines = [f"images      {_numbers({part: f'{n.sum():,}' for part, n in counts.items()})}"]
    lines += [f"            {line}" for line in _classes(session.config, dataset, counts)]
    return [
        *lines,
        *(f"note        {note}" for note in notes_on(session.config, dataset)),
        *(f"note        {note}" for note in _notes_of_numbers(session, counts)),
    ]


def _classes(config: SearchConfig, dataset: ImageDataset, counts: Mapping[str, np.ndarray]) -> Iterator[str]:
    """A line for each class of the user's own images, which may be misread; one line for known data sets."""
    if config.dataset in DATASET_NAMES:
        yield f"{_numbers({part: _range(n) for part, n in counts.items()})} images of each class"
        return
    for index, name in enumerate(dataset.class_names[:MOST_CLASSES]):
        numbers = _numbers({part: f"{n[index]:,}" for part, n in counts.items()})
        yield f"{printable(name, keep='')}: {numbers}"
    if (more := dataset.num_classes - MOST_CLASSES) > 0:
        yield f"and {more} more classes with {_range(counts['training'][MOST_CLASSES:])} training images each"


def _range(numbers: np.ndarray) -> str:
    least, most = numbers.min(), numbers.max()
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _notes_of_numbers(session: Session, counts: Mapping[str, np.ndarray]) -> Iterator[str]:
    config, dataset = session.config, session.prepared.dataset
    asked = config.preset_validation_size or 0
    if (
        not config.own_validation
        and (config.validation_size or 0) == max(1, len(dataset.train_images) // 4) < asked
    ):
        yield (
            f"{counted(config.validation_size or 0, 'validation image')}, a quarter of all: there are too "
            f"few images for the {asked} of preset {config.preset} (--validation-size chooses)"
        )
    if session.prepared.trainer.chance.threshold == NEVER:
        yield (
            "so few validation images are outside the commonest class that not even a perfect network can be "
            "told from chance: networks are not tested for it"
        )
    totals = np.bincount(dataset.train_labels, minlength=dataset.num_classes)
    few = {
        "have one training image": np.flatnonzero(totals == 1),
        "have no validation image": np.flatnonzero(counts["validation"] == 0),
    }
    for what, classes in few.items():
        if len(classes):
            names = ", ".join(repr(dataset.class_names[index]) for index in classes[:MOST_NAMED])
            more = ", ..." if len(classes) > MOST_NAMED else ""
            yield f"{len(classes)} of {dataset.num_classes} classes {what}: {names}{more}"


def _numbers(counts: Mapping[str, str]) -> str:
    return ", ".join(f"{number} {part}" for part, number in counts.items())


def _disk(session: Session) -> str:
    """How much disk space the networks' files take."""
    workers, kept = session.executor.workers, session.prepared.environment.keep_weights
    weights = 4 * mean_parameters(session.search.space)  # float32; Adam keeps two more numbers for each
    return (
        f"disk        about {size(3 * weights * workers + weights * kept)}: checkpoints of {workers} in "
        f"training, weights of the best {kept}; mean network {size(weights)}"
    )


def _stopping(config: SearchConfig) -> list[str]:
    """One line each: the stopping rule, the reward of the networks it stops, and the audits."""
    name, _ = settings_of(config.stopping)
    if name == NO_RULE:
        return ["stopping    none: every network is trained to the end"]
    own = ", this project's own" if name == OWN_RULE else ""
    rule = f"{config.stopping}{own}: {rule_kind(name).summary}"
    kind, method = split_reward(config.reward)
    reward = "its last accuracy" if kind == LAST_SEEN else "the forecast of its final accuracy"
    by = f", by {method}" if method else ""
    audits = (
        f"{100 * config.audit:g}% of the networks to be stopped are trained to the end, to check the rule"
    )
    return [
        f"stopping    {rule}",
        f"reward      of a stopped network: {reward}{by}",
        *([f"audits      {audits}"] if config.audit else []),
        *_idle(config),
    ]


def _idle(config: SearchConfig) -> list[str]:
    """A note if the search ends before the rule can stop anything."""
    spec, networks = RuleSpec.parse(config.stopping), config.schedule.total
    setting = rule_kind(spec.name).settings.get("burn_in")
    burn_in = 0 if setting is None else spec.settings.get("burn_in", setting.default)
    if burn_in < networks:
        return []
    told = f"the rule waits for {counted(burn_in, 'network')}, and the schedule has {networks}"
    return [f"note        nothing will be stopped: {told}"]


def _warning(session: Session) -> list[str]:
    """How long the search will take, if it is long and on a CPU."""
    if session.trainer.device.type != "cpu" or session.search.trained:
        return []
    work = floating_point_work(session.config, session.search.space, session.prepared.training_images)
    seconds = work / processor_speed()
    if seconds < LONG:
        return []
    return [
        f"warning     without early stopping this takes at least {duration(seconds)} on this CPU; use a GPU "
        "(--device cuda), or smaller networks and images (--preset laptop)"
    ]
