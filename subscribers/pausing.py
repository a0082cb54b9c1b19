"""A rest from our emails, at the person's own wish."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from sqlalchemy import ForeignKey, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from runup.database import Base
from subscribers.interview import Interview
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.wall_time import local_day, require_day, resolve
from subscribers.wording import Said

LONGEST = timedelta(days=365)
GOES_ON_AT = time(7)
"""On the day a pause ends, by the reader's clock: before the earliest email of that day is due."""


class InvalidPause(ValueError):
    """A day until which nobody can pause; the message is for the field."""


class EmailPause(Base):
    """A time in which a person wants no emails: none at all, or none about one interview.

    It ends on the morning of `until_on` where the person lives, or when they say so (`ended_at`). The rows
    stay: planning has to know that what did not leave then was not wanted then.
    """

    __tablename__ = "email_pause"

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), index=True)
    interview_id: Mapped[int | None] = mapped_column(ForeignKey("interview.id", ondelete="CASCADE"))
    """None: it holds for everything."""
    began_at: Mapped[datetime]
    until_on: Mapped[date | None]
    """The first day with emails again; None: until further notice."""
    ended_at: Mapped[datetime | None]

    def ends_at(self, zone: str) -> datetime | None:
        """When emails may leave again, in UTC, for somebody in `zone`; None while nobody knows."""
        if self.ended_at is not None or self.until_on is None:
            return self.ended_at
        return resolve(self.until_on, GOES_ON_AT, zone)


def pause_emails(
    session: Session,
    subscriber: Subscriber,
    *,
    until_on: date | None,
    now: datetime,
    interview: Interview | None = None,
) -> bool:
    """No email until the morning of `until_on`, or until further notice. Returns whether that is new.

    With `interview` only those about it rest. A pause that lasts is prolonged or shortened. Raises
    InvalidPause for a day that is not ahead, is more than a year ahead or does not exist.
    """
    _lock(session, subscriber)
    if until_on is not None:
        _check(until_on, subscriber.home_zone, now=now)
    lasting = lasting_pause(session, subscriber, now=now, interview=interview)
    if lasting is not None and lasting.until_on == until_on:
        return False
    if lasting is None:
        lasting = EmailPause(
            subscriber_id=subscriber.id, interview_id=interview and interview.id, began_at=now
        )
        session.add(lasting)
    lasting.until_on = until_on
    subscriber.touch()
    session.flush()
    return True


def go_on(
    session: Session, subscriber: Subscriber, *, now: datetime, interview: Interview | None = None
) -> bool:
    """Emails may leave again from now on. Returns whether a pause of that extent lasted."""
    _lock(session, subscriber)
    lasting = lasting_pause(session, subscriber, now=now, interview=interview)
    if lasting is None:
        return False
    lasting.ended_at = now
    subscriber.touch()
    session.flush()
    return True


def lasting_pause(
    session: Session, subscriber: Subscriber, *, now: datetime, interview: Interview | None = None
) -> EmailPause | None:
    """The pause of everything, or of `interview` alone, that lasts at `now`."""
    wanted = interview and interview.id
    for pause in pauses_of(session, [subscriber.id]):
        ends_at = pause.ends_at(subscriber.home_zone)
        if pause.interview_id == wanted and (ends_at is None or ends_at > now):
            return pause
    return None


def pauses_of(session: Session, subscribers: Iterable[int]) -> list[EmailPause]:
    """Every pause these people ever asked for, in their order."""
    return list(session.scalars(_PAUSES, {"people": list(subscribers)}))


# Asked whenever somebody is planned, and built once.
_PAUSES = (
    select(EmailPause)
    .where(EmailPause.subscriber_id.in_(bindparam("people", expanding=True)))
    .order_by(EmailPause.id)
)


def _check(until_on: date, zone: str, *, now: datetime) -> None:
    today = local_day(now, zone)
    if until_on <= today:
        raise InvalidPause(Said("%(day)s is not ahead; please choose a day from tomorrow on", day=until_on))
    if until_on > today + LONGEST:
        raise InvalidPause(
            Said("%(day)s is more than a year ahead; leave it empty to pause until you say so", day=until_on)
        )
    require_day(until_on, zone)


def _lock(session: Session, subscriber: Subscriber) -> None:
    # As every change of facts: a send that is about to leave either has left or sees it.
    lock_subscriber(session, subscriber.id)
