"""Schema migrations, run by Alembic through `dispatcher.adapters.sql.schema`."""
