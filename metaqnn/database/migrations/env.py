"""Alembic's entry point: migrates over the connection that `metaqnn.database.migrate` hands in."""

from __future__ import annotations

from alembic import context

from metaqnn.database.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
