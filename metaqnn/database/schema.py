"""The tables of the replay database. Observed values, predictions and rewards are separate columns.

A change here needs a migration in `migrations/versions` (a test compares the two). The migrations also
hold the view `learning_curves`: finished curves in order of finishing, for `predictor.LearningCurves.read`.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

searches = Table(
    "searches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("config", JSON, nullable=False),
    Column("epochs", Integer, nullable=False),  # T
    Column("num_classes", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("image_size", Integer, nullable=False),
    Column("data_fingerprint", String(64), nullable=False),
    Column("versions", JSON, nullable=False),
    Column("circumstances", JSON, nullable=False),  # data folder, device, ...: may change at a resume
    Column("created_at", Float, nullable=False),  # seconds since 1970, UTC, as all times here
    Column("seconds", Float, nullable=False, server_default="0"),  # wall time of all sessions so far
    Column("owner", Text),  # who is writing it, on PostgreSQL: see `ownership`
    Column("images", JSON),  # how many of each class at the start: {"train": {class: n}, "test": {...}}
)

networks = Table(
    "networks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("search_id", ForeignKey("searches.id"), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, ... in order of proposal
    Column("architecture", Text, nullable=False),
    Column("epsilon", Float, nullable=False),
    Column("num_params", BigInteger, nullable=False),  # as published, without biases and softmax
    Column("depth", Integer, nullable=False),
    Column("parameters", BigInteger, nullable=False),  # all of them: a feature of the predictors
    Column("macs", BigInteger, nullable=False),  # multiply-accumulates per image
    Column("proposed_at", Float, nullable=False),
    # known when the training has ended
    Column("finished_position", Integer),  # 1, 2, ... in order of finishing
    Column("finished_at", Float),
    Column("outcome", String(16)),
    Column("message", Text),
    Column("attempt", Integer),  # the last one: its curve is the network's
    Column("epochs", Integer),  # epochs of the last attempt
    Column("epochs_trained", Integer),  # epochs of all attempts
    Column("seconds", Float),
    Column("last_accuracy", Float),  # y_t, the last one observed
    Column("final_accuracy", Float),  # y_T, completed networks only
    Column("predicted_accuracy", Float),  # y_hat_T, stopped networks only
    Column("reward", Float),
    UniqueConstraint("search_id", "number"),
    UniqueConstraint("search_id", "architecture", name="uq_networks_architecture"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("search_id", ForeignKey("searches.id"), nullable=False),
    Column("proposal", Integer, nullable=False),  # 0, 1, ... : the address of the walk's random numbers
    Column("network_id", ForeignKey("networks.id"), nullable=False, index=True),
    Column("epsilon", Float, nullable=False),
    Column("position", Integer),  # place in the replay memory; null until the network's result is known
    UniqueConstraint("search_id", "proposal"),
    UniqueConstraint("search_id", "position", name="uq_samples_position"),
)

trainings = Table(
    "trainings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("network_id", ForeignKey("networks.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(16), nullable=False),  # search or audit
    Column("attempt", Integer, nullable=False),  # 1, 2, ... with falling learning rates
    Column("learning_rate", Float, nullable=False),
    UniqueConstraint("network_id", "purpose", "attempt"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("training_id", ForeignKey("trainings.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, primary_key=True),  # 1 .. T
    Column("accuracy", Float, nullable=False),  # validation accuracy y_t
    Column("loss", Float),  # mean training loss; null where it was not finite
    Column("seconds", Float, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("training_id", ForeignKey("trainings.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("stop", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("predicted_accuracy", Float),  # y_hat_T
    Column("sigma", Float),
    Column("probability", Float),  # p(y_T <= y_BEST - delta)
    Column("best_accuracy", Float),  # y_BEST at that time, or the n-th best y_T: what was compared with
)
