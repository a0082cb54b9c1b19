"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_campaign")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("worker", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(length=128), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_tick_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "hold",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("released_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_hold")),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=True),
        sa.Column("address_hmac", sa.String(length=64), nullable=True),
        sa.Column("first_name", sa.String(length=80), nullable=False),
        sa.Column("home_zone", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wants_goodbye", sa.Boolean(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("planned_epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("address_hmac", name=op.f("uq_subscriber_address_hmac")),
    )
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.create_index(
            "ix_subscriber_to_reconcile",
            ["id"],
            unique=False,
            sqlite_where=sa.text("epoch <> planned_epoch"),
            postgresql_where=sa.text("epoch <> planned_epoch"),
        )

    op.create_table(
        "suppression",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address_hmac", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("address_hmac", "scope", name=op.f("uq_suppression_address_hmac_scope")),
    )
    op.create_table(
        "campaign_pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.key"], name=op.f("fk_campaign_pause_campaign")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_pause")),
    )
    with op.batch_alter_table("campaign_pause", schema=None) as batch_op:
        batch_op.create_index("ix_campaign_pause_campaign", ["campaign"], unique=False)

    op.create_table(
        "campaign_step",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.key"], name=op.f("fk_campaign_step_campaign")),
        sa.PrimaryKeyConstraint("campaign", "step", name=op.f("pk_campaign_step")),
    )
    op.create_table(
        "interview",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("start_time", sa.Time(), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("interviewers", sa.String(length=16), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("company", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=120), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("decision_on", sa.Date(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome_at IS NOT NULL", name=op.f("ck_interview_outcome_has_a_moment")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_interview_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interview")),
    )
    with op.batch_alter_table("interview", schema=None) as batch_op:
        batch_op.create_index("ix_interview_subscriber", ["subscriber_id"], unique=False)

    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("list_key", sa.String(length=64), nullable=False),
        sa.Column("subscribed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_subscription_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("subscriber_id", "list_key", name=op.f("uq_subscription_subscriber_id_list_key")),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscription_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("interview_id", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("wording_version", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("sender_hmac", sa.String(length=64), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["interview_id"], ["interview.id"], name=op.f("fk_consent_interview_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_consent_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_subscriber_id"), ["subscriber_id"], unique=False)

    op.create_table(
        "enrollment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("interview_id", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.key"], name=op.f("fk_enrollment_campaign")),
        sa.ForeignKeyConstraint(["interview_id"], ["interview.id"], name=op.f("fk_enrollment_interview_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_enrollment_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint("interview_id", "campaign", name=op.f("uq_enrollment_interview_id_campaign")),
    )
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.create_index("ix_enrollment_subscriber", ["subscriber_id"], unique=False)

    op.create_table(
        "send",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("occasion", sa.String(length=40), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("local_at", sa.String(length=19), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("tzdata_version", sa.String(length=16), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("merged", sa.String(length=400), nullable=False),
        sa.Column("waits_for_gap", sa.Boolean(), nullable=False),
        sa.Column("counts_for_gap", sa.Boolean(), nullable=False),
        sa.Column("needs_consent", sa.Boolean(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt')) = (finished_at IS NULL)",
            name=op.f("ck_send_final_has_a_moment"),
        ),
        sa.CheckConstraint(
            "state <> 'claimed' OR lease_token IS NOT NULL", name=op.f("ck_send_claimed_has_a_lease")
        ),
        sa.CheckConstraint(
            "state <> 'sending' OR (lease_token IS NOT NULL AND intent_at IS NOT NULL)",
            name=op.f("ck_send_sending_has_an_intent"),
        ),
        sa.CheckConstraint(
            "state IN ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt') OR reason IS NOT NULL",
            name=op.f("ck_send_final_has_a_reason"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('planned', 'retry_wait', 'claimed') OR due_at IS NOT NULL",
            name=op.f("ck_send_unsent_has_a_due_moment"),
        ),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_send_enrollment_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_send_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send")),
        sa.UniqueConstraint(
            "enrollment_id", "step", "occurrence", name=op.f("uq_send_enrollment_id_step_occurrence")
        ),
        sa.UniqueConstraint("reference", name=op.f("uq_send_reference")),
    )
    with op.batch_alter_table("send", schema=None) as batch_op:
        batch_op.create_index("ix_send_enrollment", ["enrollment_id"], unique=False)
        batch_op.create_index(
            "ix_send_expiring",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'retry_wait')"),
            postgresql_where=sa.text("state IN ('planned', 'retry_wait')"),
        )
        batch_op.create_index(
            "ix_send_in_doubt",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'in_doubt'"),
            postgresql_where=sa.text("state = 'in_doubt'"),
        )
        batch_op.create_index(
            "ix_send_leased",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state IN ('claimed', 'sending')"),
            postgresql_where=sa.text("state IN ('claimed', 'sending')"),
        )
        batch_op.create_index(
            "ix_send_ready",
            ["ready_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('planned', 'retry_wait')"),
            postgresql_where=sa.text("state IN ('planned', 'retry_wait')"),
        )
        batch_op.create_index("ix_send_subscriber", ["subscriber_id", "left_at"], unique=False)
        batch_op.create_index(
            "ux_send_left",
            ["enrollment_id", "step", "occasion"],
            unique=True,
            sqlite_where=sa.text(
                "state IN ('accepted', 'processed', 'deferred', 'delivered', 'bounced', 'dropped')"
            ),
            postgresql_where=sa.text(
                "state IN ('accepted', 'processed', 'deferred', 'delivered', 'bounced', 'dropped')"
            ),
        )
        batch_op.create_index(
            "ux_send_open",
            ["enrollment_id", "step", "occasion"],
            unique=True,
            sqlite_where=sa.text("state IN ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt')"),
            postgresql_where=sa.text("state IN ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt')"),
        )

    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("send_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=32), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("provider_message_id", sa.String(length=200), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["send_id"], ["send.id"], name=op.f("fk_attempt_send_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("send_id", "number", name=op.f("uq_attempt_send_id_number")),
    )


def downgrade() -> None:
    op.drop_table("attempt")
    with op.batch_alter_table("send", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_send_open",
            sqlite_where=sa.text("state IN ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt')"),
            postgresql_where=sa.text("state IN ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt')"),
        )
        batch_op.drop_index(
            "ux_send_left",
            sqlite_where=sa.text(
                "state IN ('accepted', 'processed', 'deferred', 'delivered', 'bounced', 'dropped')"
            ),
            postgresql_where=sa.text(
                "state IN ('accepted', 'processed', 'deferred', 'delivered', 'bounced', 'dropped')"
            ),
        )
        batch_op.drop_index("ix_send_subscriber")
        batch_op.drop_index(
            "ix_send_ready",
            sqlite_where=sa.text("state IN ('planned', 'retry_wait')"),
            postgresql_where=sa.text("state IN ('planned', 'retry_wait')"),
        )
        batch_op.drop_index(
            "ix_send_leased",
            sqlite_where=sa.text("state IN ('claimed', 'sending')"),
            postgresql_where=sa.text("state IN ('claimed', 'sending')"),
        )
        batch_op.drop_index(
            "ix_send_in_doubt",
            sqlite_where=sa.text("state = 'in_doubt'"),
            postgresql_where=sa.text("state = 'in_doubt'"),
        )
        batch_op.drop_index(
            "ix_send_expiring",
            sqlite_where=sa.text("state IN ('planned', 'retry_wait')"),
            postgresql_where=sa.text("state IN ('planned', 'retry_wait')"),
        )
        batch_op.drop_index("ix_send_enrollment")

    op.drop_table("send")
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.drop_index("ix_enrollment_subscriber")

    op.drop_table("enrollment")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_subscriber_id"))

    op.drop_table("consent")
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subscription_subscriber_id"))

    op.drop_table("subscription")
    with op.batch_alter_table("interview", schema=None) as batch_op:
        batch_op.drop_index("ix_interview_subscriber")

    op.drop_table("interview")
    op.drop_table("campaign_step")
    with op.batch_alter_table("campaign_pause", schema=None) as batch_op:
        batch_op.drop_index("ix_campaign_pause_campaign")

    op.drop_table("campaign_pause")
    op.drop_table("suppression")
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_subscriber_to_reconcile",
            sqlite_where=sa.text("epoch <> planned_epoch"),
            postgresql_where=sa.text("epoch <> planned_epoch"),
        )

    op.drop_table("subscriber")
    op.drop_table("hold")
    op.drop_table("heartbeat")
    op.drop_table("campaign")
