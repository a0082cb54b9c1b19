"""Campaigns as code: versions that were applied, with their files"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign_version",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by", sa.String(length=100), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("copy_of", sa.Integer(), nullable=True),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.key"], name=op.f("fk_campaign_version_campaign")),
        sa.PrimaryKeyConstraint("campaign", "number", name=op.f("pk_campaign_version")),
    )
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), server_default="0", nullable=False))
    # Whoever is enrolled was planned by the files that become version 1 when they are seen next.
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("planned_number", sa.Integer(), server_default="1", nullable=False))
        batch_op.create_index(
            "ix_enrollment_version", ["campaign", "planned_number", "subscriber_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.drop_index("ix_enrollment_version")
        batch_op.drop_column("planned_number")
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.drop_column("number")
    op.drop_table("campaign_version")
