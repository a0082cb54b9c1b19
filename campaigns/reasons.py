from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a planned send stands where it stands; every final state carries one (timing.md)."""

    ACCEPTED = "accepted"
    EXPIRED_LATE_JOIN = "expired_late_join"
    EXPIRED_OUTAGE = "expired_outage"
    MERGED_INTO_CATCHUP = "merged_into_catchup"
    PAUSED_EXPIRED = "paused_expired"
    PAUSED_BY_SUBSCRIBER = "paused_by_subscriber"
    MOVED = "moved"
    CANCELED = "canceled"
    CONDITION_FALSE = "condition_false"
    OUTCOME_KNOWN = "outcome_known"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED_BOUNCE = "suppressed_bounce"
    SUPPRESSED_COMPLAINT = "suppressed_complaint"
    SUPPRESSED_BY_OPERATOR = "suppressed_by_operator"
    UNCONFIRMED = "unconfirmed"
    DEFERRED_GAP = "deferred_gap"
    DEFERRED_WINDOW = "deferred_window"
    SUPERSEDED_VERSION = "superseded_version"
    STEP_REMOVED = "step_removed"
    RENDER_ERROR = "render_error"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    DUPLICATE_ADVICE = "duplicate_advice"
    ERASED = "erased"


PLAIN_WORDS: dict[Reason, str] = {
    Reason.ACCEPTED: "left",
    Reason.EXPIRED_LATE_JOIN: "its moment had passed when you joined",
    Reason.EXPIRED_OUTAGE: "we were not able to send it in time",
    Reason.MERGED_INTO_CATCHUP: "its core is in the short version",
    Reason.PAUSED_EXPIRED: "it fell into a time when these emails were paused",
    Reason.PAUSED_BY_SUBSCRIBER: "you had paused these emails",
    Reason.MOVED: "it belonged to the date before",
    Reason.CANCELED: "the interview was canceled",
    Reason.CONDITION_FALSE: "it does not apply to this interview",
    Reason.OUTCOME_KNOWN: "the outcome is known",
    Reason.UNSUBSCRIBED: "unsubscribed",
    Reason.SUPPRESSED_BOUNCE: "the mailbox refused our emails",
    Reason.SUPPRESSED_COMPLAINT: "our emails were reported as spam",
    Reason.SUPPRESSED_BY_OPERATOR: "we were asked not to write to this address",
    Reason.UNCONFIRMED: "the address was never confirmed",
    Reason.DEFERRED_GAP: "it waits so that emails do not come too close together",
    Reason.DEFERRED_WINDOW: "it waits for the hours in which we write",
    Reason.SUPERSEDED_VERSION: "it was added when its moment had passed",
    Reason.STEP_REMOVED: "it is no longer part of these emails",
    Reason.RENDER_ERROR: "its text could not be made",
    Reason.REJECTED: "the mail service refused it",
    Reason.UNKNOWN: "nobody can tell whether it left",
    Reason.DUPLICATE_ADVICE: "the same advice came for your other interview",
    Reason.ERASED: "the person's data was erased",
}
"""For the person and the operator alike; `explain` and the plan page print these."""
