"""What was heard of our emails; the breaker, the rate and the installation known to all workers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "breaker",
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_calls", sa.Integer(), nullable=False),
        sa.Column("window_failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_breaker")),
    )
    op.create_table(
        "canary",
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_canary")),
    )
    op.create_table(
        "delivery_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("is_permanent", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address_hmac", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_record")),
        sa.UniqueConstraint("event_id", name=op.f("uq_delivery_record_event_id")),
    )
    with op.batch_alter_table("delivery_record", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_record_heard_at", ["heard_at"], unique=False)
        batch_op.create_index("ix_delivery_record_reference", ["reference"], unique=False)
        batch_op.create_index(
            "ix_delivery_record_unapplied",
            ["id"],
            unique=False,
            sqlite_where=sa.text("applied_at IS NULL"),
            postgresql_where=sa.text("applied_at IS NULL"),
        )

    op.create_table(
        "email_pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("interview_id", sa.Integer(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_email_pause_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["interview_id"], ["interview.id"], name=op.f("fk_email_pause_interview_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_pause")),
    )
    with op.batch_alter_table("email_pause", schema=None) as batch_op:
        batch_op.create_index("ix_email_pause_subscriber_id", ["subscriber_id"], unique=False)

    op.create_table(
        "feed_count",
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("source", "what", name=op.f("pk_feed_count")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instance", sa.String(length=32), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "newsletter_issue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_key", sa.String(length=64), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("preheader", sa.String(length=200), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("local_on", sa.Date(), nullable=True),
        sa.Column("local_time", sa.Time(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_newsletter_issue_sent_has_a_moment")
        ),
        sa.CheckConstraint(
            "(local_on IS NULL) = (local_time IS NULL)",
            name=op.f("ck_newsletter_issue_local_day_has_an_hour"),
        ),
        sa.CheckConstraint(
            "scheduled_at IS NULL OR local_on IS NULL", name=op.f("ck_newsletter_issue_one_way_to_be_due")
        ),
        sa.CheckConstraint(
            "state NOT IN ('scheduled', 'sending') OR scheduled_at IS NOT NULL OR local_on IS NOT NULL",
            name=op.f("ck_newsletter_issue_scheduled_is_due"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter_issue")),
        sa.UniqueConstraint("list_key", "slug", name=op.f("uq_newsletter_issue_list_key_slug")),
    )
    with op.batch_alter_table("newsletter_issue", schema=None) as batch_op:
        batch_op.create_index("ix_newsletter_issue_sent", ["sent_at"], unique=False)

    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_bucket")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_attempt_intent_at", ["intent_at"], unique=False)
        batch_op.create_index(
            "ix_attempt_refused",
            ["finished_at"],
            unique=False,
            sqlite_where=sa.text("kind = 'R'"),
            postgresql_where=sa.text("kind = 'R'"),
        )

    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("campaign_pause", schema=None) as batch_op:
        batch_op.add_column(sa.Column("why", sa.String(length=300), nullable=False, server_default=""))

    with op.batch_alter_table("send", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("on_unknown", sa.String(length=12), nullable=False, server_default="drop")
        )
        batch_op.add_column(sa.Column("resends", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("lane", sa.Integer(), nullable=False, server_default="0"))
        for lane, columns in ((0, ["ready_at"]), (1, ["expires_at", "id"])):
            batch_op.create_index(
                f"ix_send_lane_{lane}",
                columns,
                unique=False,
                sqlite_where=sa.text(f"state IN ('planned', 'retry_wait') AND lane = {lane}"),
                postgresql_where=sa.text(f"state IN ('planned', 'retry_wait') AND lane = {lane}"),
            )
        batch_op.create_index(
            "ix_send_unfinished",
            ["left_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('accepted', 'processed', 'deferred')"),
            postgresql_where=sa.text("state IN ('accepted', 'processed', 'deferred')"),
        )


def downgrade() -> None:
    with op.batch_alter_table("send", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_send_unfinished",
            sqlite_where=sa.text("state IN ('accepted', 'processed', 'deferred')"),
            postgresql_where=sa.text("state IN ('accepted', 'processed', 'deferred')"),
        )
        for lane in (1, 0):
            batch_op.drop_index(
                f"ix_send_lane_{lane}",
                sqlite_where=sa.text(f"state IN ('planned', 'retry_wait') AND lane = {lane}"),
                postgresql_where=sa.text(f"state IN ('planned', 'retry_wait') AND lane = {lane}"),
            )
        batch_op.drop_column("lane")
        batch_op.drop_column("resends")
        batch_op.drop_column("on_unknown")

    with op.batch_alter_table("campaign_pause", schema=None) as batch_op:
        batch_op.drop_column("why")

    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.drop_column("version_at")

    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_attempt_refused",
            sqlite_where=sa.text("kind = 'R'"),
            postgresql_where=sa.text("kind = 'R'"),
        )
        batch_op.drop_index("ix_attempt_intent_at")
        batch_op.drop_column("heard_at")

    op.drop_table("rate_bucket")
    with op.batch_alter_table("newsletter_issue", schema=None) as batch_op:
        batch_op.drop_index("ix_newsletter_issue_sent")

    op.drop_table("newsletter_issue")
    op.drop_table("installation")
    op.drop_table("feed_count")
    with op.batch_alter_table("delivery_record", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_delivery_record_unapplied",
            sqlite_where=sa.text("applied_at IS NULL"),
            postgresql_where=sa.text("applied_at IS NULL"),
        )
        batch_op.drop_index("ix_delivery_record_reference")
        batch_op.drop_index("ix_delivery_record_heard_at")

    op.drop_table("delivery_record")
    with op.batch_alter_table("email_pause", schema=None) as batch_op:
        batch_op.drop_index("ix_email_pause_subscriber_id")

    op.drop_table("email_pause")
    op.drop_table("canary")
    op.drop_table("breaker")
