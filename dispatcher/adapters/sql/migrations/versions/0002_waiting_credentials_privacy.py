"""Deliveries that wait, credentials with their access tokens, erasure, tests, keys and proxies of workspaces."""

import sqlalchemy as sa
from alembic import op

from dispatcher.adapters.sql.tables import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("hash_key", sa.LargeBinary(), nullable=True))
    op.add_column("workspaces", sa.Column("egress_proxy", sa.LargeBinary(), nullable=True))
    op.add_column("events", _flag("test"))
    op.add_column("events", sa.Column("erased_at", Moment(), nullable=True))
    op.add_column("deliveries", _flag("partial"))
    op.add_column("deliveries", _flag("test"))
    op.add_column("deliveries", sa.Column("outputs", sa.LargeBinary(), nullable=True))
    op.add_column("evaluations", sa.Column("erase_at", Moment(), nullable=True))
    to_erase = sa.text("erase_at IS NOT NULL")
    op.create_index(
        "evaluations_erase_at_idx", "evaluations", ["erase_at"], postgresql_where=to_erase, sqlite_where=to_erase
    )
    op.create_table(
        "waiting",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("waiting_pkey")),
    )
    op.create_index(op.f("waiting_call_id_source_id_idx"), "waiting", ["call_id", "source_id"])
    op.create_table(
        "credentials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("credentials_pkey")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("credentials_workspace_id_name_key")),
    )
    op.create_table(
        "access_tokens",
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("obtained_at", Moment(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("refused_until", Moment(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("refusals", sa.Integer(), nullable=True),
        sa.Column("renewing_until", Moment(), nullable=True),
        sa.Column("renewer", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("access_tokens_pkey")),
    )


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
