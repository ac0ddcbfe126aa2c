"""Calls that come in parts."""

import sqlalchemy as sa
from alembic import op

from dispatcher.adapters.sql.tables import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assemblies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("wake_at", Moment(), nullable=False),
        sa.Column("told_at", Moment(), nullable=True),
        sa.Column("has_legs", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("legs", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("assemblies_pkey")),
    )
    op.create_index(op.f("assemblies_wake_at_idx"), "assemblies", ["wake_at"])
    op.create_index(op.f("assemblies_call_id_source_id_idx"), "assemblies", ["call_id", "source_id"])
    untold = sa.text("due_at IS NOT NULL")
    op.create_index(
        "assemblies_due_at_idx", "assemblies", ["workspace_id"], postgresql_where=untold, sqlite_where=untold
    )
    op.create_table(
        "assembly_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("assembly_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("key", "source_id", name=op.f("assembly_keys_pkey")),
    )
    op.create_index(op.f("assembly_keys_assembly_id_idx"), "assembly_keys", ["assembly_id"])
    op.create_table(
        "call_parts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("part_id", sa.Text(), nullable=True),
        sa.Column("assembly_id", sa.Uuid(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("call_parts_pkey")),
        sa.UniqueConstraint("source_id", "part_id", name=op.f("call_parts_source_id_part_id_key")),
    )
    op.create_index(op.f("call_parts_assembly_id_id_idx"), "call_parts", ["assembly_id", "id"])
