"""From claimed rows to what their words need, read in one go so that rendering needs no database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from collections.abc import Sequence as Many
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.context import PlanEntry
from campaigns.enrollment import Enrollment
from campaigns.facts import Passage, Person
from campaigns.moments import is_at_once
from scheduler.draft import Draft
from scheduler.newsletter_drafts import read_newsletter_drafts
from scheduler.send import UNSENT, Send
from scheduler.trial_sends import take
from subscribers.interview import Interview
from subscribers.lists import Subscription, is_theirs
from subscribers.subscriber import Subscriber
from subscribers.tags import tags_by_person
from subscribers.wall_time import local

_COLUMNS: tuple[Any, ...] = (
    Send.id, Send.enrollment_id, Send.subscriber_id, Send.campaign, Send.step, Send.reference, Send.attempts,
    Send.merged, Send.needs_consent, Send.waits_for_gap, Send.counts_for_gap, Send.asks_consent, Send.left_at,
    Subscriber.address, Subscriber.first_name, Subscriber.home_zone, Subscriber.locale,
    Subscriber.wants_goodbye, Subscriber.unsubscribed_at,
    Interview.id.label("interview_id"), Interview.held_on, Interview.start_time, Interview.zone,
    Interview.mode, Interview.interviewers, Interview.format, Interview.company, Interview.role,
    Interview.country, Interview.decision_on, Interview.revision, Interview.requested_at,
    Interview.confirmed_at, Interview.moved_at, Interview.canceled_at, Interview.outcome,
    Interview.outcome_at,
)  # fmt: skip
# Columns, not objects: a batch is read as fast as the database gives it.
_OF_INTERVIEWS = (
    select(*_COLUMNS)
    .join(Subscriber, Subscriber.id == Send.subscriber_id)
    .join(Enrollment, Enrollment.id == Send.enrollment_id)
    .join(Interview, Interview.id == Enrollment.interview_id)
    .where(Send.id.in_(bindparam("ids", expanding=True)), Subscriber.address.is_not(None))
)
_READERS = select(Subscription.subscriber_id).where(
    Subscription.subscriber_id.in_(bindparam("people", expanding=True)), is_theirs()
)


def read_drafts(session: Session, ids: Many[int], *, catalog: Catalog) -> list[Draft]:
    """What is needed to write these emails, in the order of `ids`.

    A person who has been erased has none, nor has a step that is no longer part of its campaign: such sends
    are left out, and planning closes them.
    """
    drafts = _of_interviews(session, ids, catalog=catalog)
    if len(drafts) < len(ids):
        drafts += read_newsletter_drafts(session, set(ids) - {draft.send_id for draft in drafts})
    order = {send_id: number for number, send_id in enumerate(ids)}
    return sorted(drafts, key=lambda draft: order[draft.send_id])


def _of_interviews(session: Session, ids: Many[int], *, catalog: Catalog) -> list[Draft]:
    rows: Many[Row[Any]] = session.execute(_OF_INTERVIEWS, {"ids": ids}).all()
    rows = [row for row in rows if row.step in catalog.sequence(row.campaign)]
    plans = _plans(session, rows, catalog=catalog)
    people = {row.subscriber_id for row in rows}
    taken = take(session, catalog, rows)
    readers, tags = _newsletter_readers(session, people), tags_by_person(session, people)
    return [
        Draft(
            send_id=row.id,
            campaign=row.campaign,
            step=row.step,
            reference=row.reference,
            attempt=row.attempts + 1,
            subscriber_id=row.subscriber_id,
            interview_id=row.interview_id,
            address=row.address,
            person=_person(row, has_newsletter=row.subscriber_id in readers, tags=tags),
            passage=_passage(row),
            merged=tuple(row.merged.split()),
            plan=plans.get(row.enrollment_id, ()),
            needs_consent=row.needs_consent,
            waits_for_gap=row.waits_for_gap,
            counts_for_gap=row.counts_for_gap,
            asks_consent=row.asks_consent,
            wording=taken[row.id][0] if row.id in taken else "",
            taken=taken[row.id][1] if row.id in taken else None,
        )
        for row in rows
    ]


def _person(row: Row[Any], *, has_newsletter: bool, tags: Mapping[int, tuple[str, ...]]) -> Person:
    return Person(
        id=row.subscriber_id,
        first_name=row.first_name,
        home_zone=row.home_zone,
        locale=row.locale,
        has_newsletter=has_newsletter,
        wants_goodbye=row.wants_goodbye,
        tags=tags.get(row.subscriber_id, ()),
        unsubscribed_at=row.unsubscribed_at,
    )


def _passage(row: Row[Any]) -> Passage:
    return Passage(
        id=row.enrollment_id,
        campaign=row.campaign,
        held_on=row.held_on,
        start_time=row.start_time,
        zone=row.zone,
        mode=row.mode,
        interviewers=row.interviewers,
        format=row.format,
        company=row.company,
        role=row.role,
        country=row.country,
        decision_on=row.decision_on,
        revision=row.revision,
        requested_at=row.requested_at,
        confirmed_at=row.confirmed_at,
        moved_at=row.moved_at,
        canceled_at=row.canceled_at,
        outcome=row.outcome or "",
        outcome_at=row.outcome_at,
    )


def _newsletter_readers(session: Session, subscribers: Collection[int]) -> set[int]:
    return set(session.scalars(_READERS, {"people": list(subscribers)}))


def _plans(
    session: Session, rows: Collection[Row[Any]], *, catalog: Catalog
) -> dict[int, tuple[PlanEntry, ...]]:
    """What is to come, per enrollment; only emails that answer an act show it, so only they pay for it."""
    showing = {row.enrollment_id for row in rows if is_at_once(catalog.sequence(row.campaign).step(row.step))}
    if not showing:
        return {}
    written = {row.id for row in rows}
    entries: dict[int, list[PlanEntry]] = defaultdict(list)
    for send_id, enrollment_id, campaign, step, due_at, zone in session.execute(
        select(Send.id, Send.enrollment_id, Send.campaign, Send.step, Send.due_at, Send.zone)
        .where(Send.enrollment_id.in_(showing), Send.state.in_(UNSENT), Send.due_at.is_not(None))
        .order_by(Send.due_at)
    ):
        sequence = catalog.sequence(campaign)
        if enrollment_id and due_at and send_id not in written and step in sequence:
            shown = sequence.step(step)
            entries[enrollment_id].append(
                PlanEntry(key=step, title=shown.title, titles=shown.titles, at=local(due_at, zone))
            )
    return {enrollment_id: tuple(found) for enrollment_id, found in entries.items()}
