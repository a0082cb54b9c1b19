"""Variants of emails: their trials, what was decided, and which variant left to whom"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=80), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("variants", sa.String(length=1000), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["newsletter_issue.id"], name=op.f("fk_trial_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint(
            "campaign", "step", "fingerprint", name=op.f("uq_trial_campaign_step_fingerprint")
        ),
    )
    op.create_table(
        "trial_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(length=40), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.Column("rule", sa.String(length=300), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_trial_decision_trial_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial_decision")),
    )
    op.create_index("ix_trial_decision_trial", "trial_decision", ["trial_id"])
    op.create_table(
        "trial_send",
        sa.Column("send_id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(length=40), nullable=False),
        sa.Column("is_split", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["send_id"], ["send.id"], name=op.f("fk_trial_send_send_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_trial_send_trial_id")),
        sa.PrimaryKeyConstraint("send_id", name=op.f("pk_trial_send")),
    )
    op.create_index("ix_trial_send_trial", "trial_send", ["trial_id", "send_id"])


def downgrade() -> None:
    op.drop_table("trial_send")
    op.drop_table("trial_decision")
    op.drop_table("trial")
