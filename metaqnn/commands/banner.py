"""What `metaqnn run` prints before it trains: where, what, how, and how long it may take."""

from __future__ import annotations

from metaqnn.config.search import LAST_SEEN, SearchConfig, split_reward
from metaqnn.config.stopping import OWN_RULE, settings_of
from metaqnn.output import duration, size
from metaqnn.session.estimate import floating_point_work, mean_parameters, processor_speed
from metaqnn.session.start import Session
from predictor.rules.names import rule_kind

LONG = 6 * 3600
"""A search on a CPU that takes more seconds than this is worth a warning."""


def introduction(session: Session) -> str:
    """One line per fact."""
    config, trainer, search = session.config, session.trainer, session.search
    precision = str(trainer.precision).removeprefix("torch.")
    lines = [
        f"run folder  {session.folder.path}",
        f"data set    {config.dataset}, images {trainer.input_shape}, {trainer.num_classes} classes",
        f"training    {config.epochs} epochs on {trainer.device}, {precision}",
        f"schedule    {config.schedule.total} networks, epsilon {config.schedule}",
        *_stopping(config),
        _disk(session),
    ]
    if session.executor.workers > 1:
        lines.append(f"workers     {session.executor.workers} networks at a time")
    if search.trained:
        lines.append(f"resumed     {search.trained} networks already trained")
    return "\n".join([*lines, *_warning(session)])


def _disk(session: Session) -> str:
    """How much disk the files of networks take."""
    workers, kept = session.executor.workers, session.prepared.environment.keep_weights
    weights = 4 * mean_parameters(session.search.space)  # float32; Adam keeps two more numbers of each
    return (
        f"disk        about {size(3 * weights * workers + weights * kept)}: checkpoints of {workers} in "
        f"training, weights of the best {kept}; mean network {size(weights)}"
    )


def _stopping(config: SearchConfig) -> list[str]:
    """One line each: the stopping rule, the reward of the networks it stops, and the audits."""
    if config.stopping == "none":
        return ["stopping    none: every network is trained to the end"]
    name, _ = settings_of(config.stopping)
    own = ", this project's own" if name == OWN_RULE else ""
    rule = f"{config.stopping}{own}: {rule_kind(name).summary}"
    kind, method = split_reward(config.reward)
    reward = "its last accuracy" if kind == LAST_SEEN else "the forecast of its final accuracy"
    by = f", by {method}" if method else ""
    audits = (
        f"audits      a share of {config.audit:g} is trained to the end instead of stopped, to check the rule"
    )
    return [
        f"stopping    {rule}",
        f"reward      of a stopped network: {reward}{by}",
        *([audits] if config.audit else []),
    ]


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
