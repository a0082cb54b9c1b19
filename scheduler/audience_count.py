"""How many an issue would reach, before it leaves: nobody is left out without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.audience import Audience
from campaigns.audience_facts import read_facts
from campaigns.expressions import ConditionError
from subscribers.lists import Subscription, is_theirs
from subscribers.subscriber import Subscriber
from subscribers.suppression import EVERYTHING, Suppression

BATCH = 1000
"""Readers at a time: what is in memory, whatever the list's size."""


@dataclass(frozen=True, kw_only=True)
class AudienceCount:
    """`on_list` is the sum of all the others."""

    on_list: int = 0
    receives: int = 0
    """They get it, as things stand."""
    not_admitted: int = 0
    """The filter is not about them."""
    suppressed: dict[str, int] = field(default_factory=dict)
    """The filter admits them, and we must not write to them; by reason (subscribers.suppression.Reason)."""
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
    kinds, suppressed, failures = Counter[str](), Counter[str](), list[str]()
    for places in _batches(session, list_key):
        ids = [place.subscriber_id for place in places]
        facts = {} if audience.is_everybody else read_facts(session, audience, list_key, ids, now=now)
        reasons = _suppressions(session, list_key, [place.address_hmac for place in places])
        for place in places:
            try:
                is_admitted = audience.is_everybody or audience.admits(facts[place.subscriber_id])
            except ConditionError as error:
                kinds["unanswerable"] += 1
                failures[:] = failures or [str(error)]
                continue
            reason = "erased" if place.erased_at else reasons.get(place.address_hmac)
            if is_admitted and reason:
                suppressed[reason] += 1
            else:
                kinds["receives" if is_admitted else "not_admitted"] += 1
        counted(len(places))
    return AudienceCount(
        on_list=kinds.total() + suppressed.total(),
        **kinds,
        suppressed=dict(suppressed.most_common()),
        failure="".join(failures),
    )


def _batches(session: Session, list_key: str) -> Iterator[Sequence[Any]]:
    last = 0
    columns = (Subscription.id, Subscription.subscriber_id, Subscriber.address_hmac, Subscriber.erased_at)
    while places := session.execute(
        select(*columns)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.list_key == list_key, is_theirs(), Subscription.id > last)
        .order_by(Subscription.id)
        .limit(BATCH)
    ).all():
        yield places
        last = places[-1].id


def _suppressions(session: Session, list_key: str, hmacs: Iterable[str | None]) -> dict[str, str]:
    """By address, the first reason not to write there: for everything, or for this list."""
    wanted = select(Suppression.address_hmac, Suppression.reason).where(
        Suppression.address_hmac.in_([one for one in hmacs if one]),
        Suppression.scope.in_((EVERYTHING, list_key)),
    )
    found: dict[str, str] = {}
    for address, reason in session.execute(wanted.order_by(Suppression.id)):
        found.setdefault(address, reason)
    return found
