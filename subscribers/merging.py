"""Two rows that turned out to be one person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from subscribers.consent import Consent
from subscribers.interview import Interview
from subscribers.lists import Subscription
from subscribers.past import Happened, PastEvent, remember
from subscribers.pausing import EmailPause
from subscribers.subscriber import Subscriber, lock_subscriber
from subscribers.suppression import EVERYTHING, Reason, Suppression, suppress
from subscribers.tags import SubscriberTag, tag, tags_of

_DETAILS = (
    "mode",
    "interviewers",
    "format",
    "company",
    "role",
    "country",
    "decision_on",
    "outcome",
    "outcome_at",
)


class CannotMerge(ValueError):
    """These two cannot become one; the message says why."""


@dataclass(frozen=True)
class Merged:
    """What a merge has done. `doubles`: interviews that told of one appointment, the given-up one first.
    `moved_places` now belong to the person who is kept."""

    interviews: int
    doubles: list[tuple[Interview, Interview]]
    consents: int
    moved_places: list[int]
    joined_places: int
    tags: int
    suppressions: list[str] = field(default_factory=list)


def merge(session: Session, keep: Subscriber, give_up: Subscriber, *, now: datetime) -> Merged:
    """Make `give_up` an empty row whose links lead to `keep`, who gets all that was theirs.

    What forbids writing to either holds for both addresses. Of two interviews that tell of one appointment
    one is left, a confirmed one where there is one. Their sends are the scheduler's to move, in the same
    transaction. Raises CannotMerge.
    """
    _check(keep, give_up)
    for identity in sorted((keep.id, give_up.id)):
        lock_subscriber(session, identity)
    silent = list(_share_suppressions(session, keep, give_up))
    doubles = list(_doubles(session, keep, give_up, now=now))
    interviews = _hand_over(session, Interview, keep, give_up)
    consents = _hand_over(session, Consent, keep, give_up)
    for kind in (EmailPause, PastEvent):
        _hand_over(session, kind, keep, give_up)
    moved, joined = _join_places(session, keep, give_up, now=now)
    tags = tag(session, keep, tags_of(session, give_up.id))
    session.execute(delete(SubscriberTag).where(SubscriberTag.subscriber_id == give_up.id))
    _fill_in(keep, give_up)
    _empty(give_up, into=keep, now=now)
    remember(session, keep.id, Happened.MERGED, at=now, detail=f"number {give_up.id} was the same person")
    keep.touch()
    session.flush()
    session.expire(keep, ["interviews"])
    session.expire(give_up, ["interviews"])
    return Merged(interviews, doubles, consents, moved, joined, tags, silent)


def _check(keep: Subscriber, give_up: Subscriber) -> None:
    if keep.id == give_up.id:
        raise CannotMerge("these are one already")
    for person in (keep, give_up):
        if person.erased_at is not None:
            raise CannotMerge(f"number {person.id} was erased or merged; nothing of them is left")
    if keep.confirmed_at is None:
        # Everything will be sent to its address: that must be somebody's who said yes.
        raise CannotMerge(f"number {keep.id} has not confirmed their address; keep the one who has")


def _share_suppressions(session: Session, keep: Subscriber, give_up: Subscriber) -> Iterator[str]:
    """Yields what is new for the one who is kept."""
    keys = {keep.address_hmac or "": keep, give_up.address_hmac or "": give_up}
    known = session.scalars(select(Suppression).where(Suppression.address_hmac.in_(keys))).all()
    for row in known:
        for key, person in keys.items():
            is_new = key != row.address_hmac and suppress(
                session, key, Reason(row.reason), now=row.created_at, scope=row.scope
            )
            if is_new and person is keep:
                yield row.reason if row.scope == EVERYTHING else f"{row.reason} ({row.scope})"
    told = [person.unsubscribed_at for person in (keep, give_up) if person.unsubscribed_at]
    keep.unsubscribed_at = min(told, default=None)


def _doubles(
    session: Session, keep: Subscriber, give_up: Subscriber, *, now: datetime
) -> Iterator[tuple[Interview, Interview]]:
    theirs, left = _interviews(session, keep), _interviews(session, give_up)
    for double in left:
        same = next((each for each in theirs if _is_one(each, double)), None)
        if same is None:
            continue
        theirs.remove(same)
        lost, stays = sorted((double, same), key=lambda each: _worth(each, is_kept=each is same))
        _end(session, lost, stays, now=now)
        yield lost, stays


def _interviews(session: Session, person: Subscriber) -> list[Interview]:
    found = select(Interview).where(
        Interview.subscriber_id == person.id,
        Interview.canceled_at.is_(None),
        Interview.forgotten_at.is_(None),
    )
    return list(session.scalars(found.order_by(Interview.id)))


def _is_one(one: Interview, other: Interview) -> bool:
    starts = {each.start_time for each in (one, other)} - {None}
    companies = {each.company.casefold() for each in (one, other)} - {""}
    return (
        (one.campaign, one.held_on, one.zone) == (other.campaign, other.held_on, other.zone)
        and len(starts) < 2
        and len(companies) < 2
    )


def _worth(interview: Interview, *, is_kept: bool) -> tuple[bool, bool, bool]:
    return (interview.confirmed_at is not None, interview.start_time is not None, is_kept)


def _end(session: Session, lost: Interview, stays: Interview, *, now: datetime) -> None:
    for name in _DETAILS:
        if getattr(stays, name) in ("", "unknown", None):
            setattr(stays, name, getattr(lost, name))
    # Over before it was confirmed, by a hair: no email speaks of the end of what goes on.
    lost.canceled_at = (lost.confirmed_at - timedelta(microseconds=1)) if lost.confirmed_at else now
    lost.merged_into = stays.id
    session.execute(update(Consent).where(Consent.interview_id == lost.id).values(interview_id=stays.id))


def _hand_over(session: Session, kind: type[Any], keep: Subscriber, give_up: Subscriber) -> int:
    session.flush()
    moved = session.execute(
        update(kind)
        .where(kind.subscriber_id == give_up.id)
        .values(subscriber_id=keep.id)
        .execution_options(synchronize_session="fetch")
    )
    return int(moved.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result is a CursorResult


def _join_places(
    session: Session, keep: Subscriber, give_up: Subscriber, *, now: datetime
) -> tuple[list[int], int]:
    """Of two places on one list one is left; whoever left it has left it with both."""
    of_both = select(Subscription).where(Subscription.subscriber_id.in_((keep.id, give_up.id)))
    places = session.scalars(of_both).all()
    theirs = {place.list_key: place for place in places if place.subscriber_id == keep.id}
    moved, joined = [], 0
    for place in (each for each in places if each.subscriber_id == give_up.id):
        same = theirs.get(place.list_key)
        if same is None:
            place.subscriber_id = keep.id
            moved.append(place.id)
            continue
        joined += 1
        ended = [at for at in (same.ended_at, place.ended_at) if at]
        same.ended_at = min(ended, default=None)
        same.confirmed_at = same.confirmed_at or place.confirmed_at
        place.ended_at = place.ended_at or now
    return moved, joined


def _fill_in(keep: Subscriber, give_up: Subscriber) -> None:
    keep.first_name = keep.first_name or give_up.first_name
    keep.created_at = min(keep.created_at, give_up.created_at)


def _empty(person: Subscriber, *, into: Subscriber, now: datetime) -> None:
    person.former_hmac = person.address_hmac
    person.address = person.address_hmac = person.mailbox_hmac = None
    person.first_name, person.home_zone, person.locale = "", "UTC", "en"
    person.wants_goodbye = False
    person.erased_at, person.merged_into = now, into.id
    person.touch()
