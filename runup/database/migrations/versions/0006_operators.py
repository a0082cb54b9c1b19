"""Operators and their sessions; what readers did with an email"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _operators()
    _reactions()


def _operators() -> None:
    op.create_table(
        "operator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("totp_key", sa.String(length=300), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("logged_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_name")),
    )
    op.create_table(
        "operator_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        _of_an_operator("operator_session"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_operator_session")),
    )
    op.create_index(op.f("ix_operator_session_operator_id"), "operator_session", ["operator_id"])
    op.create_table(
        "recovery_code",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        _of_an_operator("recovery_code"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_operator_id"), "recovery_code", ["operator_id"])
    op.create_table(
        "failed_login",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_login")),
    )
    op.create_index("ix_failed_login_who", "failed_login", ["who", "at"])


def _of_an_operator(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["operator_id"], ["operator.id"], name=op.f(f"fk_{table}_operator_id"), ondelete="CASCADE"
    )


def _reactions() -> None:
    op.create_table(
        "target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target")),
        sa.UniqueConstraint("digest", name=op.f("uq_target_digest")),
    )
    op.create_table(
        "reaction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("send_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("machine", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["send_id"], ["send.id"], name=op.f("fk_reaction_send_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["target_id"], ["target.id"], name=op.f("fk_reaction_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reaction")),
    )
    op.create_index("ix_reaction_at", "reaction", ["at"])
    op.create_index("ix_reaction_send", "reaction", ["send_id", "kind"])
    # Events are forgotten after 90 days; complaints were kept nowhere else.
    op.execute(
        "INSERT INTO reaction (send_id, kind, at, machine) "
        "SELECT send.id, 'complained', min(record.occurred_at), '' FROM delivery_record AS record "
        "JOIN send ON send.reference = record.reference "
        "WHERE record.type = 'complained' AND record.applied_at IS NOT NULL GROUP BY send.id"
    )


def downgrade() -> None:
    op.drop_table("reaction")
    op.drop_table("target")
    op.drop_table("failed_login")
    op.drop_table("recovery_code")
    op.drop_table("operator_session")
    op.drop_table("operator")
