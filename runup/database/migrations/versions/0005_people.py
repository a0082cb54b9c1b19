"""People: tags, and imports that go on where they stopped"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_columns()
    op.create_table(
        "subscriber_tag",
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_subscriber_tag_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "tag", name=op.f("pk_subscriber_tag")),
    )
    op.create_index("ix_subscriber_tag_tag", "subscriber_tag", ["tag"])
    op.create_table(
        "subscriber_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_subscriber_history_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber_history")),
    )
    op.create_index("ix_subscriber_history_subscriber_id", "subscriber_history", ["subscriber_id"])
    op.create_table(
        "import_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows_taken", sa.Integer(), nullable=False),
        sa.Column("errors_size", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_index("ix_import_run_fingerprint", "import_run", ["fingerprint"])


def _make_columns() -> None:
    op.add_column("subscriber", sa.Column("mailbox_hmac", sa.String(length=64), nullable=True))
    op.create_index("ix_subscriber_mailbox_hmac", "subscriber", ["mailbox_hmac"])
    op.add_column("subscriber", sa.Column("merged_into", sa.Integer(), nullable=True))
    op.add_column("subscriber", sa.Column("former_hmac", sa.String(length=64), nullable=True))
    op.add_column("interview", sa.Column("merged_into", sa.Integer(), nullable=True))
    op.add_column("send", sa.Column("asks_consent", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_table("import_run")
    op.drop_table("subscriber_history")
    op.drop_table("subscriber_tag")
    op.drop_column("send", "asks_consent")
    op.drop_column("interview", "merged_into")
    op.drop_column("subscriber", "former_hmac")
    op.drop_column("subscriber", "merged_into")
    op.drop_index("ix_subscriber_mailbox_hmac", "subscriber")
    op.drop_column("subscriber", "mailbox_hmac")
