"""Newsletters: issues that leave, and places on a list that wait for their yes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPEN = "state IN ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt')"
_ARRIVED = "state IN ('accepted', 'processed', 'deferred', 'delivered', 'bounced', 'dropped')"
_PLACE, _ISSUE = "subscription_id IS NOT NULL", "issue_id IS NOT NULL"
_INDEXES: tuple[tuple[str, list[str], str, bool], ...] = (
    ("ux_send_place", ["subscription_id", "step", "occurrence"], _PLACE, True),
    ("ux_send_place_open", ["subscription_id", "step", "occasion"], f"{_PLACE} AND {_OPEN}", True),
    ("ux_send_place_left", ["subscription_id", "step", "occasion"], f"{_PLACE} AND {_ARRIVED}", True),
    ("ux_send_issue", ["issue_id", "subscriber_id", "occurrence"], _ISSUE, True),
    ("ux_send_issue_open", ["issue_id", "subscriber_id"], f"{_ISSUE} AND {_OPEN}", True),
    ("ux_send_issue_left", ["issue_id", "subscriber_id"], f"{_ISSUE} AND {_ARRIVED}", True),
    ("ix_send_issue_left_at", ["issue_id", "left_at"], f"{_ISSUE} AND left_at IS NOT NULL", False),
)
_OWNERS = ("enrollment_id", "subscription_id", "issue_id")
_BELONGS_TO_ONE = " + ".join(f"CASE WHEN {owner} IS NULL THEN 0 ELSE 1 END" for owner in _OWNERS) + " = 1"
_SENT_IS_SENT = "ck_newsletter_issue_sent_has_a_moment"
_WAS_SENT = "ck_newsletter_issue_moment_of_what_was_sent"


def upgrade() -> None:
    with op.batch_alter_table("subscription") as place:
        place.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    # Until now nobody came onto a list but from inside, where the address was proven.
    op.execute("UPDATE subscription SET confirmed_at = subscribed_at")

    with op.batch_alter_table("newsletter_issue") as issue:
        issue.add_column(sa.Column("words", sa.Text(), nullable=False, server_default=""))
        issue.add_column(sa.Column("expires_after", sa.Integer(), nullable=False, server_default="86400"))
        issue.add_column(sa.Column("per_hour", sa.Integer(), nullable=True))
        issue.add_column(sa.Column("warm_up", sa.String(length=200), nullable=False, server_default=""))
        issue.add_column(sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
        issue.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        issue.add_column(sa.Column("why_paused", sa.String(length=300), nullable=False, server_default=""))
        issue.add_column(sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True))
        issue.add_column(sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True))
        issue.add_column(sa.Column("round", sa.Integer(), nullable=False, server_default="0"))
        issue.add_column(sa.Column("also_unknown", sa.Boolean(), nullable=False, server_default=sa.false()))
        issue.add_column(sa.Column("expanded_to", sa.Integer(), nullable=False, server_default="0"))
        issue.add_column(sa.Column("expanded_at", sa.DateTime(timezone=True), nullable=True))
        issue.drop_constraint(op.f(_SENT_IS_SENT), type_="check")
        issue.create_check_constraint(op.f(_SENT_IS_SENT), "state <> 'sent' OR sent_at IS NOT NULL")
        issue.create_check_constraint(op.f(_WAS_SENT), "sent_at IS NULL OR state IN ('sent', 'sending')")

    with op.batch_alter_table("send") as send:
        send.alter_column("enrollment_id", existing_type=sa.Integer(), nullable=True)
        send.add_column(sa.Column("subscription_id", sa.Integer(), nullable=True))
        send.add_column(sa.Column("issue_id", sa.Integer(), nullable=True))
        for name, table in (("subscription_id", "subscription"), ("issue_id", "newsletter_issue")):
            send.create_foreign_key(op.f(f"fk_send_{name}"), table, [name], ["id"])
        send.create_check_constraint(op.f("ck_send_belongs_to_one"), _BELONGS_TO_ONE)
    _make_lanes_anew(["lane", "ready_at"], ["lane", "expires_at", "id"])
    for name, columns, where, is_unique in _INDEXES:
        op.create_index(
            name,
            "send",
            columns,
            unique=is_unique,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def _make_lanes_anew(*lanes: list[str]) -> None:
    for lane, columns in enumerate(lanes):
        where = sa.text(f"state IN ('planned', 'retry_wait') AND lane = {lane}")
        name = f"ix_send_lane_{lane}"
        op.drop_index(name, "send")
        op.create_index(name, "send", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    # The revision before has no room for an email without an interview.
    op.execute("DELETE FROM attempt WHERE send_id IN (SELECT id FROM send WHERE enrollment_id IS NULL)")
    op.execute("DELETE FROM send WHERE enrollment_id IS NULL")
    op.execute("DELETE FROM subscription WHERE confirmed_at IS NULL")
    op.execute("UPDATE newsletter_issue SET sent_at = NULL WHERE state <> 'sent'")
    for name, *_ in reversed(_INDEXES):
        op.drop_index(name, "send")
    _make_lanes_anew(["ready_at"], ["expires_at", "id"])
    with op.batch_alter_table("send") as send:
        send.drop_constraint(op.f("ck_send_belongs_to_one"), type_="check")
        for name in ("issue_id", "subscription_id"):
            send.drop_constraint(op.f(f"fk_send_{name}"), type_="foreignkey")
            send.drop_column(name)
        send.alter_column("enrollment_id", existing_type=sa.Integer(), nullable=False)

    with op.batch_alter_table("newsletter_issue") as issue:
        issue.drop_constraint(op.f(_WAS_SENT), type_="check")
        issue.drop_constraint(op.f(_SENT_IS_SENT), type_="check")
        issue.create_check_constraint(op.f(_SENT_IS_SENT), "(state = 'sent') = (sent_at IS NOT NULL)")
        for name in (
            "expanded_at", "expanded_to", "also_unknown", "round", "canceled_at", "resumed_at",
            "why_paused", "paused_at", "started_at", "warm_up", "per_hour", "expires_after", "words",
        ):  # fmt: skip
            issue.drop_column(name)
    with op.batch_alter_table("subscription") as place:
        place.drop_column("confirmed_at")
