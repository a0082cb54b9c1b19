"""Old links of somebody who was merged lead to who they turned out to be."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from subscribers.interview import Interview
from subscribers.lists import Subscription
from subscribers.subscriber import Subscriber


def person_behind(session: Session, subscriber_id: int) -> Subscriber | None:
    """The subscriber of this number, or the one they were merged into."""
    person = session.get(Subscriber, subscriber_id)
    while person is not None and person.merged_into is not None:
        person = session.get(Subscriber, person.merged_into)
    return person


def interview_behind(session: Session, interview_id: int) -> Interview | None:
    """The interview of this number, or the one that tells of the same appointment since a merge."""
    interview = session.get(Interview, interview_id)
    while interview is not None and interview.merged_into is not None:
        interview = session.get(Interview, interview.merged_into)
    return interview


def place_behind(session: Session, subscription_id: int) -> Subscription | None:
    """The place of this number on a newsletter list, or the one that its reader has on it since a merge."""
    place = session.get(Subscription, subscription_id)
    owner = session.get(Subscriber, place.subscriber_id) if place is not None else None
    if place is None or owner is None or owner.merged_into is None:
        return place
    reader = person_behind(session, owner.id)
    return session.scalar(
        select(Subscription).where(
            Subscription.subscriber_id == (reader.id if reader else None),
            Subscription.list_key == place.list_key,
        )
    )


def former_hashes(session: Session, subscribers: set[int]) -> dict[int, set[str]]:
    """The hashes of addresses these people had before a merge: what was sent there is still theirs."""
    hashes: dict[int, set[str]] = {}
    for person, key in session.execute(_FORMER, {"people": list(subscribers)}):
        if person is not None and key is not None:
            hashes.setdefault(person, set()).add(key)
    return hashes


# Asked for every event of a feed, and built once.
_FORMER = select(Subscriber.merged_into, Subscriber.former_hmac).where(
    Subscriber.merged_into.in_(bindparam("people", expanding=True)), Subscriber.former_hmac.is_not(None)
)


def forget_former(session: Session, subscriber_id: int) -> None:
    """Of somebody who is forgotten the addresses before a merge are forgotten too."""
    session.execute(
        update(Subscriber).where(Subscriber.merged_into == subscriber_id).values(former_hmac=None)
    )
