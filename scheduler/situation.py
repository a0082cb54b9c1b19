"""From rows to what planning needs to know of one person."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from campaigns.catalog import Catalog
from campaigns.enrollment import CampaignPause, CampaignStep, Enrollment
from campaigns.facts import Passage, Past, Person, Place, Rest
from campaigns.list_confirmations import NEWSLETTER
from campaigns.planning import Pause, Situation
from campaigns.reasons import Reason
from scheduler.send import ARRIVED, IN_FLIGHT, TRIED, UNSENT, Send
from subscribers import suppression
from subscribers.lists import Subscription
from subscribers.pausing import EmailPause, pauses_of
from subscribers.subscriber import Subscriber
from subscribers.tags import tags_of

_HAPPENED = {*ARRIVED, *IN_FLIGHT, *TRIED}
SUPPRESSED: dict[str, Reason] = {
    suppression.Reason.UNSUBSCRIBED: Reason.UNSUBSCRIBED,
    suppression.Reason.BOUNCED: Reason.SUPPRESSED_BOUNCE,
    suppression.Reason.COMPLAINED: Reason.SUPPRESSED_COMPLAINT,
    suppression.Reason.BY_OPERATOR: Reason.SUPPRESSED_BY_OPERATOR,
    # Erased at their own wish, and signed up anew: as welcome as somebody who had unsubscribed.
    suppression.Reason.ERASED: Reason.UNSUBSCRIBED,
}


def read_situation(
    session: Session,
    subscriber: Subscriber,
    enrollments: Iterable[Enrollment],
    sends: Iterable[Send],
    *,
    catalog: Catalog,
) -> Situation:
    """Everything the plan of this person follows from."""
    enrollments, sends = list(enrollments), list(sends)
    subscriptions = _subscriptions(session, subscriber)
    places = _places(subscriptions, {send.subscription_id for send in sends})
    keys = {enrollment.campaign for enrollment in enrollments} | ({NEWSLETTER} if places else set())
    rests = pauses_of(session, [subscriber.id])
    return Situation(
        sequences={key: catalog.sequence(key) for key in sorted(keys)},
        person=_person(session, subscriber, subscriptions),
        passages=[passage(enrollment, rests) for enrollment in enrollments],
        history=history_of(sends),
        perhaps_left=perhaps_left_of(sends),
        pauses=[
            Pause(campaign=pause.campaign, began_at=pause.began_at, ended_at=pause.ended_at)
            for pause in session.scalars(_PAUSES, {"keys": list(keys)})
        ],
        added={
            (step.campaign, step.step): step.added_at
            for step in session.scalars(_STEPS, {"keys": list(keys)})
        },
        places=places,
    )


def _subscriptions(session: Session, subscriber: Subscriber) -> list[Subscription]:
    return list(session.scalars(_SUBSCRIPTIONS, {"person": subscriber.id}))


# Asked whenever somebody is planned, and built once.
_PAUSES = select(CampaignPause).where(CampaignPause.campaign.in_(bindparam("keys", expanding=True)))
_STEPS = select(CampaignStep).where(CampaignStep.campaign.in_(bindparam("keys", expanding=True)))
_SUBSCRIPTIONS = (
    select(Subscription).where(Subscription.subscriber_id == bindparam("person")).order_by(Subscription.id)
)


def _places(subscriptions: Iterable[Subscription], asked: Collection[int | None]) -> list[Place]:
    """The first of each that wait together, and those that were `asked` already."""
    waiting: set[datetime] = set()
    places: list[Place] = []
    for each in subscriptions:
        is_first = each.is_waiting and each.subscribed_at not in waiting
        if is_first or each.id in asked:
            places.append(
                Place(
                    id=each.id,
                    requested_at=each.subscribed_at,
                    confirmed_at=each.confirmed_at,
                    ended_at=each.ended_at,
                )
            )
        if is_first:
            waiting.add(each.subscribed_at)
    return places


def _person(session: Session, subscriber: Subscriber, subscriptions: Iterable[Subscription]) -> Person:
    found = subscriber.address_hmac and suppression.find_suppression(session, subscriber.address_hmac)
    return person_of(
        subscriber,
        suppressed=found.reason if found else "",
        has_newsletter=any(each.is_held for each in subscriptions),
        tags=tags_of(session, subscriber.id),
    )


def person_of(
    subscriber: Subscriber, *, suppressed: str, has_newsletter: bool, tags: tuple[str, ...]
) -> Person:
    """`suppressed`: why we must not write to them at all; empty when we may."""
    reason = SUPPRESSED[suppressed] if suppressed else None
    return Person(
        id=subscriber.id,
        first_name=subscriber.first_name,
        home_zone=subscriber.home_zone,
        locale=subscriber.locale,
        has_newsletter=has_newsletter,
        wants_goodbye=subscriber.wants_goodbye,
        tags=tags,
        unsubscribed_at=subscriber.unsubscribed_at,
        suppression=Reason.ERASED if subscriber.erased_at else reason,
    )


def passage(enrollment: Enrollment, pauses: Iterable[EmailPause] = ()) -> Passage:
    """`pauses`: all that the person asked for; those of their other interviews do not concern this one."""
    interview, home_zone = enrollment.interview, enrollment.subscriber.home_zone
    return Passage(
        id=enrollment.id,
        campaign=enrollment.campaign,
        held_on=interview.held_on,
        start_time=interview.start_time,
        zone=interview.zone,
        mode=interview.mode,
        interviewers=interview.interviewers,
        format=interview.format,
        company=interview.company,
        role=interview.role,
        country=interview.country,
        decision_on=interview.decision_on,
        revision=interview.revision,
        requested_at=interview.requested_at,
        confirmed_at=interview.confirmed_at,
        moved_at=interview.moved_at,
        canceled_at=interview.canceled_at,
        outcome=interview.outcome or "",
        outcome_at=interview.outcome_at,
        rests=tuple(
            Rest(began_at=pause.began_at, ends_at=pause.ends_at(home_zone))
            for pause in pauses
            if pause.interview_id in (None, interview.id)
        ),
    )


def history_of(sends: Iterable[Send]) -> list[Past]:
    """What of these has left, may have left or was tried for good."""
    # A newsletter counts for nothing that is planned.
    return [_past(send) for send in sends if send.state in _HAPPENED and send.issue_id is None]


def perhaps_left_of(sends: Iterable[Send]) -> list[Past]:
    """What of these waits to go once more, after an attempt that may have left."""
    return [_past(send) for send in sends if send.state in UNSENT and send.left_at and send.issue_id is None]


def _past(send: Send) -> Past:
    # In flight: it may have left, so planning counts it as left and leaves it to its worker.
    is_over = send.state not in (*IN_FLIGHT, *UNSENT)
    return Past(
        enrollment=send.enrollment_id or 0,
        place=send.subscription_id or 0,
        step=send.step,
        occasion=send.occasion,
        reason=Reason(send.reason) if send.reason and is_over else Reason.UNKNOWN,
        left_at=send.left_at,
        merged=tuple(send.merged.split()),
    )
