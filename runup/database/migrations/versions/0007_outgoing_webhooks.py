"""Outgoing webhooks and their deliveries"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WAITING = sa.text("state = 'waiting'")
_COMPLAINED = sa.text("type = 'complained'")


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("events", sa.String(length=200), nullable=False),
        sa.Column("has_address", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("former_salt", sa.String(length=32), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "webhook_post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("interview_id", sa.Integer(), nullable=True),
        sa.Column("send_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_post_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_post")),
    )
    for name, columns, where in (
        ("ix_webhook_post_waiting", ["webhook_id", "id"], _WAITING),
        ("ix_webhook_post_person", ["webhook_id", "subscriber_id", "id"], _WAITING),
        ("ix_webhook_post_complaint", ["send_id"], _COMPLAINED),
        ("ix_webhook_post_done_at", ["done_at"], None),
    ):
        op.create_index(name, "webhook_post", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    _drop_triggers()
    op.drop_table("webhook_post")
    op.drop_table("webhook")


def _drop_triggers() -> None:
    """Those that wrote into the tables, should somebody have asked for them (scheduler.webhook_triggers)."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        found = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'runup_announce_%'"
        for name in connection.execute(sa.text(found)).scalars().all():
            op.execute(f"DROP TRIGGER {name}")
        return
    found = "SELECT proname FROM pg_proc WHERE proname LIKE 'runup\\_announce\\_%'"
    for name in connection.execute(sa.text(found)).scalars().all():
        op.execute(f"DROP FUNCTION {name}() CASCADE")
