"""How many an issue would reach, before it leaves: nobody is left out without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.audience import Audience
from campaigns.audience_facts import read_facts
from campaigns.expressions import ConditionError
from scheduler.holding import day_bound
from scheduler.issues import EXPIRES_AFTER
from subscribers.lists import Subscription, is_theirs
from subscribers.pausing import EmailPause
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Suppression

BATCH = 1000
"""Readers at a time: what is in memory, whatever the list's size."""
PAUSED = "paused"
"""They have paused all emails."""


@dataclass(frozen=True, kw_only=True)
class AudienceCount:
    """`on_list` is the sum of all the others but `held`."""

    on_list: int = 0
    receives: int = 0
    """They get it, as things stand."""
    held: int = 0
    """Of those, they would get it later than the others if it left now: an email of their own day is due."""
    not_admitted: int = 0
    """The filter is not about them."""
    suppressed: dict[str, int] = field(default_factory=dict)
    """The filter admits them, and they would not get it; by reason (subscribers.suppression.Reason, or
    PAUSED)."""
    unanswerable: int = 0
    """The filter fails for them; they do not get it."""
    failure: str = ""
    """What the filter says for the first of these."""


def count_audience(
    session: Session,
    list_key: str,
    audience: Audience,
    *,
    now: datetime,
    counted: Callable[[int], object] = lambda _: None,
) -> AudienceCount:
    """Asks every reader of the list, a batch at a time; `counted` hears how many each batch was."""
    kinds, suppressed, failures, held = Counter[str](), Counter[str](), list[str](), 0
    for ids in _batches(session, list_key):
        facts = {} if audience.is_everybody else read_facts(session, audience, list_key, ids, now=now)
        reasons = _reasons(session, list_key, ids, now=now)
        days = day_bound(session, ids, now=now)
        for reader in ids:
            try:
                is_admitted = audience.is_everybody or audience.admits(facts[reader])
            except ConditionError as error:
                kinds["unanswerable"] += 1
                failures[:] = failures or [str(error)]
                continue
            if is_admitted and reader in reasons:
                suppressed[reasons[reader]] += 1
            else:
                kinds["receives" if is_admitted else "not_admitted"] += 1
                held += is_admitted and reader in days
        counted(len(ids))
    return AudienceCount(
        on_list=kinds.total() + suppressed.total(),
        **kinds,
        held=held,
        suppressed=dict(suppressed.most_common()),
        failure="".join(failures),
    )


def _batches(session: Session, list_key: str) -> Iterator[Sequence[int]]:
    """The readers of the list, in the order in which they joined it."""
    last = 0
    # Without a join: a planner without statistics would read the whole other table for each batch.
    columns = (Subscription.id, Subscription.subscriber_id)
    while places := session.execute(
        select(*columns)
        .where(Subscription.list_key == list_key, is_theirs(), Subscription.id > last)
        .order_by(Subscription.id)
        .limit(BATCH)
    ).all():
        yield [place.subscriber_id for place in places]
        last = places[-1].id


def _reasons(session: Session, list_key: str, ids: Sequence[int], *, now: datetime) -> dict[int, str]:
    """By reader, why they would not get it: the first reason not to write there, for everything or for this
    list, or that they have paused all emails for longer than an issue lives."""
    found: dict[int, str] = {}
    people = session.execute(
        select(Subscriber.id, Subscriber.address_hmac, Subscriber.home_zone, Subscriber.erased_at).where(
            Subscriber.id.in_(ids)
        )
    ).all()
    pauses = _pauses(session, ids)
    suppressed = _suppressions(session, list_key, [person.address_hmac for person in people])
    for person in people:
        if person.erased_at is not None:
            found[person.id] = "erased"
        elif person.address_hmac in suppressed:
            found[person.id] = suppressed[person.address_hmac]
        elif (pause := pauses.get(person.id)) is not None:
            ends_at = pause.ends_at(person.home_zone)
            if ends_at is None or ends_at >= now + EXPIRES_AFTER:
                found[person.id] = PAUSED
    return found


def _suppressions(session: Session, list_key: str, hmacs: Iterable[str | None]) -> dict[str, str]:
    wanted = select(Suppression.address_hmac, Suppression.reason).where(
        Suppression.address_hmac.in_([one for one in hmacs if one]),
        Suppression.scope.in_((EVERYTHING, list_key)),
    )
    found: dict[str, str] = {}
    for address, reason in session.execute(wanted.order_by(Suppression.id)):
        found.setdefault(address, reason)
    return found


def _pauses(session: Session, ids: Sequence[int]) -> dict[int, EmailPause]:
    """The pauses of everything that these readers asked for and have not ended."""
    lasting = select(EmailPause).where(EmailPause.interview_id.is_(None), EmailPause.ended_at.is_(None))
    return {
        one.subscriber_id: one for one in session.scalars(lasting.where(EmailPause.subscriber_id.in_(ids)))
    }
