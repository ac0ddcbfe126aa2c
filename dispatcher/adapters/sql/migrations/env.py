"""Alembic's entry point: runs migrations on the connection that `schema.upgrade` hands over."""

from alembic import context

from dispatcher.adapters.sql.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
