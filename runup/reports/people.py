"""What people did, by day, counted in the database: signed up, confirmed, told an outcome, left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, String, func, literal_column, select
from sqlalchemy.orm import Session

from runup.reports.counting import within
from runup.reports.moments import Moment, day_of, milliseconds
from runup.reports.names import OF_SEND, Key, Names
from runup.reports.period import Period
from scheduler import Send
from scheduler.reaction import Reaction, ReactionKind
from subscribers import Interview, Subscriber, Suppression
from subscribers.lists import Subscription
from subscribers.suppression import EVERYTHING, Reason

BLAMED_FOR = timedelta(days=30)
"""Who leaves so long after an email at most, left because of that one; later, because of none."""
_BLAMED_FOR = int(BLAMED_FOR.total_seconds()) * 1000
# Written out, not as a parameter: PostgreSQL must see that what is grouped by is what is selected.
_NOTHING: ColumnElement[str] = literal_column("''", String)


_NUMBERS = ("signed_up", "confirmed", "unsubscribed", "complained", "joined", "stopped")


@dataclass
class Acts:
    """What people did."""

    signed_up: int = 0
    confirmed: int = 0
    unsubscribed: int = 0
    complained: int = 0
    joined: int = 0
    """Places on newsletters that were confirmed, and below that ended; one person may have several."""
    stopped: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def join(self, other: Acts) -> None:
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.outcomes += other.outcomes


def acts_by_day(session: Session, names: Names, period: Period, campaign: str) -> dict[str, Acts]:
    """By day, as `2026-12-04`; of one campaign or, with "", of all.

    Sign-ups and confirmations are those of interviews. Unsubscribes are goodbyes to everything that still
    hold; with a campaign, those that an email of it led to.
    """
    found: dict[str, Acts] = {}
    for name, column in (("signed_up", Interview.created_at), ("confirmed", Interview.confirmed_at)):
        for day, number in _interviews_by_day(session, period, campaign, column):
            setattr(found.setdefault(day, Acts()), name, number)
    for day, outcome, number in _outcomes_by_day(session, period, campaign):
        found.setdefault(day, Acts()).outcomes[outcome] += number
    for name, column in (("joined", Subscription.confirmed_at), ("stopped", Subscription.ended_at)):
        for day, number in _places_by_day(session, period, campaign, column):
            setattr(found.setdefault(day, Acts()), name, number)
    for (of, _step), day, number in goodbyes(session, names, period):
        if campaign in ("", of):
            found.setdefault(day, Acts()).unsubscribed += number
    for (of, _step), day, number in complaints(session, names, period):
        if campaign in ("", of):
            found.setdefault(day, Acts()).complained += number
    return found


def _interviews_by_day(
    session: Session, period: Period, campaign: str, column: Moment
) -> Iterator[tuple[str, int]]:
    day = day_of(session, column)
    found = select(day, func.count()).where(*within(period, column)).group_by(day)
    yield from session.execute(found.where(Interview.campaign == campaign) if campaign else found)


def _places_by_day(
    session: Session, period: Period, newsletter: str, column: Moment
) -> Iterator[tuple[str, int]]:
    """Only places that were somebody's: who never said yes was on no list."""
    day = day_of(session, column)
    held = (Subscription.confirmed_at.is_not(None), *within(period, column))
    found = select(day, func.count()).where(*held).group_by(day)
    yield from session.execute(found.where(Subscription.list_key == newsletter) if newsletter else found)


def _outcomes_by_day(session: Session, period: Period, campaign: str) -> Iterator[tuple[str, str, int]]:
    day = day_of(session, Interview.outcome_at)
    outcome = func.coalesce(Interview.outcome, _NOTHING)
    found = (
        select(day, outcome, func.count()).where(*within(period, Interview.outcome_at)).group_by(day, outcome)
    )
    yield from session.execute(found.where(Interview.campaign == campaign) if campaign else found)


def complaints(session: Session, names: Names, period: Period) -> Iterator[tuple[Key, str, int]]:
    """Emails that were reported as spam: campaign and step, the day of the first report, how many."""
    first = (
        select(Reaction.send_id, func.min(Reaction.at).label("at"))
        .where(Reaction.kind == ReactionKind.COMPLAINED)
        .group_by(Reaction.send_id)
        .subquery()
    )
    day = day_of(session, first.c.at)
    found = (
        select(*OF_SEND, day, func.count())
        .join(first, first.c.send_id == Send.id)
        .where(*within(period, first.c.at))
        .group_by(*OF_SEND, day)
    )
    yield from _keyed(session, names, found)


def goodbyes(session: Session, names: Names, period: Period) -> Iterator[tuple[Key, str, int]]:
    """Those who left everything, under the latest email that had left to them in the BLAMED_FOR before; under
    ("", "") where there was none, or where nobody knows any more who they were."""
    gone = (
        select(Suppression.created_at.label("at"), _blamed(session).label("send_id"))
        .outerjoin(Subscriber, Subscriber.address_hmac == Suppression.address_hmac)
        .where(
            Suppression.scope == EVERYTHING,
            Suppression.reason == Reason.UNSUBSCRIBED,
            *within(period, Suppression.created_at),
        )
        .subquery()
    )
    day = day_of(session, gone.c.at)
    found = select(*OF_SEND, day, func.count()).select_from(gone).outerjoin(Send, Send.id == gone.c.send_id)
    yield from _keyed(session, names, found.group_by(*OF_SEND, day))


def _blamed(session: Session) -> ColumnElement[int | None]:
    before = (
        select(Send.id)
        .where(
            Send.subscriber_id == Subscriber.id,
            Send.left_at <= Suppression.created_at,
            milliseconds(session, Send.left_at, Suppression.created_at) <= literal_column(str(_BLAMED_FOR)),
        )
        .order_by(Send.left_at.desc(), Send.id.desc())
        .limit(1)
    )
    return before.correlate(Subscriber, Suppression).scalar_subquery()


def _keyed(
    session: Session, names: Names, found: Select[str, str, int | None, str, int]
) -> Iterator[tuple[Key, str, int]]:
    for campaign, step, issue, day, number in session.execute(found):
        yield names.key(campaign, step, issue), day, number
