"""Alembic's entry point; runup.database.migrating hands it a connection."""

from __future__ import annotations

from alembic import context

from runup.database.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
