from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base
from subscribers.interview import Interview, change_details, move
from subscribers.merged import interview_behind
from subscribers.pausing import go_on
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.suppression import Reason, find_suppression, lift, suppress

CONFIRM_WITHIN = timedelta(hours=72)

WORDING_VERSION = "2026-11"
WORDING = (
    "Yes, send me the emails for this interview. I can stop them with one click in every email. "
    "My details are deleted 30 days after the interview."
)
"""What the form says beside the box; kept with every consent, so change the version with the words."""


class ConfirmationExpired(ValueError):
    """The 72 hours are over, or the person has been erased; signing up again helps."""


class Consent(Base):
    """What somebody agreed to, in which words, when and how we know."""

    __tablename__ = "consent"

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), index=True)
    interview_id: Mapped[int | None] = mapped_column(ForeignKey("interview.id", ondelete="SET NULL"))
    purpose: Mapped[str] = mapped_column(String(64))
    """`sequence:KEY` or `newsletter:KEY`."""
    wording: Mapped[str] = mapped_column(Text)
    wording_version: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(64))
    """`form`, `api`, `cli`, `import: FILE` …"""
    proof: Mapped[str] = mapped_column(Text, default="")
    """For a consent given elsewhere: where its record is. Empty for our own double opt-in."""
    sender_hmac: Mapped[str] = mapped_column(String(64), default="")
    """The network address it came from, as a keyed hash."""
    agreed_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


def confirm(session: Session, interview: Interview, *, now: datetime) -> Interview:
    """The person behind the address has said by a POST that this interview is theirs.

    Doing it twice is doing it once. Returns the interview to go on with: signing up again for a day that is
    confirmed already updates that one and does not begin a second. Raises ConfirmationExpired.
    """
    interview = interview_behind(session, interview.id) or interview
    subscriber = lock_subscriber(session, interview.subscriber_id)
    assert subscriber is not None, "an interview has a subscriber"
    session.refresh(interview)
    if interview.confirmed_at:
        return in_force(interview)
    if now > interview.requested_at + CONFIRM_WITHIN or subscriber.erased_at:
        raise ConfirmationExpired("this link has expired; please sign up again")
    for consent in session.scalars(
        select(Consent).where(Consent.interview_id == interview.id, Consent.confirmed_at.is_(None))
    ):
        consent.confirmed_at = now
    subscriber.confirmed_at = subscriber.confirmed_at or now
    subscriber.unsubscribed_at = None
    subscriber.wants_goodbye = False
    _lift_own_goodbye(session, subscriber)
    # Who asks for these emails wants emails again.
    go_on(session, subscriber, now=now)
    interview.confirmed_at = now
    subscriber.touch()
    return _merged_into_same(session, interview, now=now)


def unsubscribe(
    session: Session, subscriber: Subscriber, *, now: datetime, wants_goodbye: bool = False
) -> bool:
    """Nothing more leaves to this person. Returns whether that is new.

    `wants_goodbye`: they asked on the page for one email that says it is done; nothing else is an exception.
    """
    locked = lock_subscriber(session, subscriber.id)
    if locked is None or locked.address_hmac is None:
        return False  # erased: there is nobody to write to
    new = suppress(session, locked.address_hmac, Reason.UNSUBSCRIBED, now=now)
    if new:
        locked.unsubscribed_at = now
        locked.wants_goodbye = wants_goodbye
        locked.touch()
    return new


def in_force(interview: Interview) -> Interview:
    """`interview`, or the one it was merged into when it was confirmed: the one whose emails go on."""
    if not (interview.canceled_at and interview.confirmed_at):
        return interview
    others = (other for other in interview.subscriber.interviews if _is_same(other, interview))
    return next(others, interview)


def _lift_own_goodbye(session: Session, subscriber: Subscriber) -> None:
    """Coming back ends one's own goodbye; a bounce or a complaint is not theirs to end."""
    assert subscriber.address_hmac is not None, "only an erased subscriber has no address"
    found = find_suppression(session, subscriber.address_hmac)
    if found is not None and found.reason in (Reason.UNSUBSCRIBED, Reason.ERASED):
        lift(session, subscriber.address_hmac)


def _merged_into_same(session: Session, pending: Interview, *, now: datetime) -> Interview:
    """`pending`, or the confirmed interview it repeats, brought up to what was typed last."""
    same = next((i for i in pending.subscriber.interviews if _is_same(i, pending)), None)
    if same is None:
        return pending
    told = {
        name: getattr(pending, name)
        for name in ("mode", "interviewers", "format", "company", "role", "country")
    }
    change_details(
        session, same, **{name: value for name, value in told.items() if value not in ("", "unknown")}
    )
    if pending.start_time is not None:
        move(session, same, held_on=same.held_on, start_time=pending.start_time, zone=pending.zone, now=now)
    for consent in session.scalars(select(Consent).where(Consent.interview_id == pending.id)):
        consent.interview_id = same.id
    # Over before it was confirmed, by a hair: no email speaks of the end of what nobody ever had.
    pending.canceled_at = now - timedelta(microseconds=1)
    return same


def _is_same(one: Interview, pending: Interview) -> bool:
    def agree(a: object, b: object) -> bool:
        return a == b or not a or not b

    return (
        one.id != pending.id
        and one.confirmed_at is not None
        and one.canceled_at is None
        and (one.campaign, one.held_on, one.zone) == (pending.campaign, pending.held_on, pending.zone)
        and agree(one.start_time, pending.start_time)
        and agree(one.company, pending.company)
    )
