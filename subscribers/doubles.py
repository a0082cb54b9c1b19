"""People who may be one: the same mailbox in two spellings, or the same name with the same interview."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from subscribers.interview import Interview
from subscribers.subscriber import Subscriber

_Pairs = Select[Subscriber, Subscriber]


@dataclass(frozen=True)
class Double:
    """`keep` has confirmed; of two who have, it is the one who came first."""

    keep: Subscriber
    give_up: Subscriber
    why: str


def find_doubles(session: Session, *, most: int = 0) -> Iterator[Double]:
    """Pairs worth looking at, those of one mailbox first; `most` 0 for all. Pairs of which neither has
    confirmed are none: they are forgotten within days."""
    seen: set[tuple[int, int]] = set()
    queries = ((_one_mailbox(), "one mailbox"), (_one_interview(), "same name and interview"))
    for query, why in queries:
        for first, second in session.execute(query.execution_options(yield_per=500)):
            pair = (first.id, second.id)
            if pair in seen or first.confirmed_at is second.confirmed_at is None:
                continue
            seen.add(pair)
            keep, give_up = sorted((first, second), key=_worth)
            yield Double(keep, give_up, why)
            if len(seen) == most:
                return


_First, _Second = aliased(Subscriber), aliased(Subscriber)


def _one_mailbox() -> _Pairs:
    return (
        select(_First, _Second)
        .join(_Second, and_(_Second.mailbox_hmac == _First.mailbox_hmac, _Second.id > _First.id))
        .order_by(_First.id, _Second.id)
    )


def _one_interview() -> _Pairs:
    """The name alone says little; with the day, and the company or the hour, it says enough to look."""
    one, other = aliased(Interview), aliased(Interview)
    same = and_(
        other.campaign == one.campaign,
        other.held_on == one.held_on,
        other.zone == one.zone,
        other.subscriber_id > one.subscriber_id,
        or_(
            and_(one.company != "", func.lower(one.company) == func.lower(other.company)),
            and_(one.company == other.company, one.start_time == other.start_time),
        ),
    )
    return (
        select(_First, _Second)
        .distinct()
        .join(one, one.subscriber_id == _First.id)
        .join(other, same)
        .join(_Second, _Second.id == other.subscriber_id)
        .where(_First.first_name != "", func.lower(_First.first_name) == func.lower(_Second.first_name))
        .where(one.canceled_at.is_(None), other.canceled_at.is_(None))
        .order_by(_First.id, _Second.id)
    )


def _worth(person: Subscriber) -> tuple[bool, int]:
    return (person.confirmed_at is None, person.id)
