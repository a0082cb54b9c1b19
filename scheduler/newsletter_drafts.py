"""Drafts of what newsletters send: the request for a yes, and issues."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from campaigns.facts import Person
from campaigns.newsletter import NewsletterIssue
from scheduler.draft import Draft
from scheduler.issue_trials import take_issues
from scheduler.send import Send
from subscribers.lists import Subscription, is_theirs
from subscribers.subscriber import Subscriber
from subscribers.tags import tags_by_person

_COLUMNS: tuple[Any, ...] = (
    Send.id, Send.subscriber_id, Send.campaign, Send.step, Send.reference, Send.attempts, Send.needs_consent,
    Send.waits_for_gap, Send.counts_for_gap, Send.asks_consent, Send.issue_id, Send.left_at,
    Subscription.id.label("place_id"), Subscriber.address, Subscriber.first_name, Subscriber.home_zone,
    Subscriber.locale,
)  # fmt: skip


def read_newsletter_drafts(session: Session, ids: Collection[int]) -> list[Draft]:
    """Of those among `ids` that belong to no interview. Who has left the list, or is erased, has none."""
    asking = _of_people(ids).join(Subscription, Subscription.id == Send.subscription_id)
    bringing = (
        _of_people(ids)
        .join(NewsletterIssue, NewsletterIssue.id == Send.issue_id)
        .join(
            Subscription,
            and_(
                Subscription.subscriber_id == Send.subscriber_id,
                Subscription.list_key == NewsletterIssue.list_key,
                is_theirs(),
            ),
        )
    )
    rows = [*session.execute(asking), *session.execute(bringing)]
    issues = _issues(session, {row.issue_id for row in rows if row.issue_id})
    tags = tags_by_person(session, {row.subscriber_id for row in rows if row.issue_id})
    drafts = [_draft(row, issues.get(row.issue_id), tags.get(row.subscriber_id, ())) for row in rows]
    taken = take_issues(session, issues, rows)
    return [
        replace(one, wording=taken[one.send_id][0], taken=taken[one.send_id][1])
        if one.send_id in taken
        else one
        for one in drafts
    ]


def _of_people(ids: Collection[int]) -> Any:
    of_ids = select(*_COLUMNS).join(Subscriber, Subscriber.id == Send.subscriber_id)
    return of_ids.where(Send.id.in_(ids), Subscriber.address.is_not(None))


def _issues(session: Session, ids: Collection[int]) -> dict[int, NewsletterIssue]:
    """With their words, which nobody changes once they leave."""
    if not ids:
        return {}
    found = session.scalars(select(NewsletterIssue).where(NewsletterIssue.id.in_(ids)))
    return {issue.id: issue for issue in found}


def _draft(row: Row[Any], issue: NewsletterIssue | None, tags: tuple[str, ...]) -> Draft:
    return Draft(
        send_id=row.id,
        campaign=row.campaign,
        step=row.step,
        reference=row.reference,
        attempt=row.attempts + 1,
        subscriber_id=row.subscriber_id,
        address=row.address,
        person=Person(
            id=row.subscriber_id,
            first_name=row.first_name,
            home_zone=row.home_zone,
            locale=row.locale,
            has_newsletter=issue is not None,
            tags=tags,
        ),
        place_id=row.place_id,
        issue=issue,
        needs_consent=row.needs_consent,
        waits_for_gap=row.waits_for_gap,
        counts_for_gap=row.counts_for_gap,
        asks_consent=row.asks_consent,
    )
