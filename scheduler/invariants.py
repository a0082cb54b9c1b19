"""What must be true of the rows at every moment, asked of the rows themselves: pure questions, no repair.

The numbers are those of the list in the design of delivery. `doctor` asks them of live data, the simulation
after every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from scheduler.claiming import is_running
from scheduler.doubt import MARGIN, PATIENCE
from scheduler.outcomes import OK
from scheduler.send import ARRIVED, IN_FLIGHT, LEASED, OPEN, WAITING, Attempt, Send, State
from subscribers.wall_time import local, tzdata_version

MOST = 2_000
"""Rows that one look is about, unless it is told another number."""
GRACE = timedelta(minutes=10)
"""After this long something that was to be done at a moment has been forgotten."""


@dataclass(frozen=True)
class Violation:
    """A rule that a row breaks: the rule's number, the send, and what is wrong with it in plain words."""

    rule: int
    send_id: int
    words: str


Window = dict[str, int]
"""`after` and `last`: the ids that one look is about."""
_IN_WINDOW = (Send.id > bindparam("after"), Send.id <= bindparam("last"))
_LAST = select(func.max(Send.id)).where(
    Send.id.in_(
        select(Send.id).where(Send.id > bindparam("after")).order_by(Send.id).limit(bindparam("most"))
    )
)


def violations(
    session: Session, *, after: int = 0, most: int = MOST, gaps: Mapping[str, timedelta] | None = None
) -> list[Violation]:
    """What is wrong with the `most` sends above the id `after`: true whatever time it is and whoever works.

    `gaps`: per campaign, the shortest time between two emails to one person; without it spacing is not
    looked at. On a few hundred rows it takes a few milliseconds; on millions, walk with `after`.
    """
    window = {"after": after, "last": session.scalar(_LAST, {"after": after, "most": most}) or after}
    # All rules in one question first: as a rule no row breaks any.
    found = list(_broken(session, window)) if session.scalar(_any_broken(), window) is not None else []
    found += _wrong_moments(session, window)
    for campaign, gap in (gaps or {}).items():
        found += _too_close(session, window, campaign, gap=gap)
    return found


def forgotten(
    session: Session, *, now: datetime, grace: timedelta = GRACE, most: int = 100
) -> list[Violation]:
    """Rule 1 against the clock: what a worker should have looked after longer than `grace` ago.

    Only to be asked while a worker is at work and no brake is on. Uses the partial indexes: its cost is that
    of what is open and overdue.
    """
    late = now - grace
    overdue = (
        ("its expiry has passed and nobody ended it", and_(Send.state.in_(WAITING), Send.expires_at < late)),
        ("its lease ended and nobody took it back", and_(Send.state.in_(LEASED), Send.lease_until < late)),
        (
            "its doubt is past its deadline",
            and_(
                Send.state == State.IN_DOUBT,
                Send.intent_at < late,
                or_(Send.intent_at < late - PATIENCE, Send.expires_at < late + MARGIN),
            ),
        ),
    )
    return [
        Violation(1, row.id, f"{words} ({row.step}, {row.state})")
        for words, condition in overdue
        for row in session.execute(
            select(Send.id, Send.step, Send.state).where(condition, is_running()).limit(most)
        )
    ]


def _broken(session: Session, window: Window) -> Iterator[Violation]:
    for rule, words, condition in _rules():
        broken = select(Send.id, Send.step, Send.state).where(*_IN_WINDOW, condition)
        for row in session.execute(broken, window):
            yield Violation(rule, row.id, f"{words} ({row.step}, {row.state})")


@cache
def _any_broken() -> Select[int]:
    return select(Send.id).where(*_IN_WINDOW, or_(*(rule[2] for rule in _rules()))).limit(1)


def _rules() -> Iterator[tuple[int, str, ColumnElement[bool]]]:
    """Each rule as the condition that a row breaks it by."""
    is_open = Send.state.in_(OPEN)
    yield (
        1,
        "nothing will ever wake it",
        and_(Send.state.in_(WAITING), or_(Send.ready_at.is_(None), Send.expires_at.is_(None))),
    )
    yield (
        1,
        "nobody holds it",
        and_(Send.state.in_(LEASED), or_(Send.lease_token.is_(None), Send.lease_until.is_(None))),
    )
    yield (
        1,
        "its doubt has no deadline",
        and_(Send.state == State.IN_DOUBT, or_(Send.intent_at.is_(None), Send.expires_at.is_(None))),
    )
    yield 2, "nothing proves that it was accepted", and_(Send.state.in_(ARRIVED), ~_proven())
    yield 4, "more copies than it may have", _copies() > 1 + Send.resends
    yield 4, "more than one second attempt after one that may have left", Send.resends > 1
    yield (
        6,
        "it may have left without an attempt that says so",
        and_(Send.state.in_(IN_FLIGHT), ~exists().where(_is_its_latest())),
    )
    twin = aliased(Send)
    yield (
        12,
        "two rows for one occurrence",
        exists().where(
            or_(
                twin.enrollment_id == Send.enrollment_id,
                twin.subscription_id == Send.subscription_id,
                and_(twin.issue_id == Send.issue_id, twin.subscriber_id == Send.subscriber_id),
            ),
            twin.step == Send.step,
            twin.occurrence == Send.occurrence,
            twin.id != Send.id,
        ),
    )
    yield 13, "it is final and somebody holds it", and_(~is_open, Send.lease_token.is_not(None))
    yield (
        13,
        "it is final without a reason or a moment",
        and_(~is_open, or_(Send.reason.is_(None), Send.finished_at.is_(None))),
    )
    yield 13, "it is open and has ended", and_(is_open, Send.finished_at.is_not(None))
    yield 15, "its state is none we know", Send.state.not_in(tuple(State))


def _proven() -> ColumnElement[bool]:
    """The provider acknowledged an attempt of it, or told of it later."""
    return exists().where(Attempt.send_id == Send.id, or_(Attempt.kind == OK, Attempt.heard_at.is_not(None)))


def _copies() -> ColumnElement[int]:
    """How many attempts at it are known to have been taken."""
    return (
        select(func.count())
        .where(Attempt.send_id == Send.id, or_(Attempt.kind == OK, Attempt.heard_at.is_not(None)))
        .scalar_subquery()
    )


def _is_its_latest() -> ColumnElement[bool]:
    return and_(Attempt.send_id == Send.id, Attempt.number == Send.attempts)


@cache
def _waiting() -> Select[int, str, datetime | None, str, str]:
    return select(Send.id, Send.step, Send.due_at, Send.local_at, Send.zone).where(
        *_IN_WINDOW, Send.state.in_(WAITING), Send.tzdata_version == tzdata_version()
    )


def _wrong_moments(session: Session, window: Window) -> Iterator[Violation]:
    """Rule 16: a moment computed by today's rules shows the wall time it is for, where the reader is."""
    for row in session.execute(_waiting(), window):
        if row.due_at is None or _wall(row.due_at, row.zone) != row.local_at:
            words = (
                f"due at {row.due_at}, which is not {row.local_at or 'any time'} in {row.zone or 'a zone'}"
            )
            yield Violation(16, row.id, f"{words} ({row.step})")


@lru_cache(maxsize=4_096)
def _wall(moment: datetime, zone: str) -> str:
    try:
        return local(moment, zone).replace(tzinfo=None).isoformat(timespec="seconds")
    except (ValueError, KeyError):
        return ""


@cache
def _pairs() -> Select[int, str, datetime | None, str, datetime | None]:
    earlier = aliased(Send)
    return (
        select(Send.id, Send.step, Send.left_at, earlier.step.label("other"), earlier.left_at.label("before"))
        .join(earlier, earlier.subscriber_id == Send.subscriber_id)
        .where(*_IN_WINDOW, Send.campaign == bindparam("campaign"), Send.waits_for_gap)
        .where(Send.left_at.is_not(None), earlier.left_at <= Send.left_at)
        .where(earlier.counts_for_gap, earlier.id != Send.id)
    )


def _too_close(session: Session, window: Window, campaign: str, *, gap: timedelta) -> Iterator[Violation]:
    """Rule 18: no two emails to one person within the gap, unless one of them is exempt."""
    for row in session.execute(_pairs(), {**window, "campaign": campaign}):
        if row.left_at - row.before < gap:
            yield Violation(18, row.id, f"{row.step} left {row.left_at - row.before} after {row.other}")
