"""WSDLs and where they were found."""

import sqlalchemy as sa
from alembic import op

from dispatcher.adapters.sql.tables import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wsdl_contents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("bundle", sa.LargeBinary(), nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("wsdl_contents_pkey")),
        sa.UniqueConstraint("workspace_id", "content_hash", name=op.f("wsdl_contents_workspace_id_content_hash_key")),
    )
    op.create_table(
        "wsdl_versions",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("location_digest", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("location", sa.LargeBinary(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=True),
        sa.Column("fetched_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "location_digest", "content_hash", name=op.f("wsdl_versions_pkey")),
    )
