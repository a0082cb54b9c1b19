"""One person's whole history with us, in one line of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import applied
from campaigns.catalog import Catalog
from campaigns.newsletter import NewsletterIssue
from campaigns.reasons import PLAIN_WORDS, Reason
from delivery.records import DeliveryRecord
from scheduler import Send
from subscribers import Consent, EmailPause, Interview, PastEvent, Subscriber, Subscription, Suppression
from subscribers.suppression import EVERYTHING

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened. `at` is aware UTC; `kind` is a word for programs, `what` and `detail` are for
    people."""

    at: datetime
    kind: str
    what: str
    detail: str = ""
    interview_id: int | None = None
    send_id: int | None = None


def history(session: Session, person: Subscriber, *, catalog: Catalog) -> list[Moment]:
    """Everything that is written down about a person, the earliest first. What is still to come is not
    history."""
    told = [
        *_life(person),
        *(moment for each in _of(session, Interview, person) for moment in _interview(each)),
        *(moment for each in _of(session, Subscription, person) for moment in _place(each)),
        *(moment for each in _of(session, Consent, person) for moment in _consent(each)),
        *(moment for each in _of(session, EmailPause, person) for moment in _pause(each)),
        *suppressions(session, person.address_hmac or ""),
        *_past(session, person),
        *_sends(session, person, catalog=applied(session, catalog)),
        *_heard(session, person),
    ]
    return sorted(told, key=lambda moment: moment.at)


def suppressions(session: Session, address_hmac: str) -> Iterator[Moment]:
    """Since when this address must not be written to, and why."""
    found = select(Suppression).where(Suppression.address_hmac == address_hmac).order_by(Suppression.id)
    for row in session.scalars(found):
        scope = "" if row.scope == EVERYTHING else f", for {row.scope} only"
        yield Moment(
            at=row.created_at, kind="suppressed", what=f"Not written to any more: {row.reason}{scope}"
        )


def _life(person: Subscriber) -> Iterator[Moment]:
    yield Moment(at=person.created_at, kind="known", what="First known")
    if person.erased_at:
        into = f" number {person.merged_into}" if person.merged_into else ""
        kind, what = ("merged", f"Merged into{into}") if into else ("erased", "Erased")
        yield Moment(at=person.erased_at, kind=kind, what=what)


def _interview(interview: Interview) -> Iterator[Moment]:
    number, day = interview.id, f"interview {interview.id} on {interview.held_on}"
    start = f" {interview.start_time:%H:%M}" if interview.start_time else ""
    detail = f"{interview.campaign}, {interview.held_on}{start} {interview.zone}"
    moments = (
        (interview.created_at, "signed_up", f"Signed up for interview {number}", detail),
        (interview.confirmed_at, "confirmed", f"Confirmed {day}", ""),
        (interview.canceled_at, "canceled", f"Canceled {day}", ""),
        (interview.outcome_at, "outcome", f"Told what came of interview {number}", interview.outcome or ""),
        (interview.forgotten_at, "forgotten", f"Forgotten what was told of interview {number}", ""),
    )
    for at, kind, what, told in moments:
        is_double = kind == "canceled" and interview.merged_into is not None
        if at is not None and not is_double:
            yield Moment(at=at, kind=kind, what=what, detail=told, interview_id=number)


def _consent(consent: Consent) -> Iterator[Moment]:
    words = f"“{consent.wording}” " if consent.wording else ""
    proof = f"; proof: {consent.proof}" if consent.proof else ""
    yield Moment(
        at=consent.agreed_at,
        kind="agreed",
        what=f"Agreed to {consent.purpose}",
        detail=f"{words}(wording {consent.wording_version}, by {consent.source}{proof})",
        interview_id=consent.interview_id,
    )
    if consent.confirmed_at and consent.interview_id is None:
        yield Moment(at=consent.confirmed_at, kind="confirmed", what=f"Confirmed {consent.purpose}")


def _place(place: Subscription) -> Iterator[Moment]:
    yield Moment(
        at=place.subscribed_at, kind="list_joined", what=f"Asked for the newsletter {place.list_key}"
    )
    if place.ended_at:
        yield Moment(at=place.ended_at, kind="list_left", what=f"Left the newsletter {place.list_key}")


def _pause(pause: EmailPause) -> Iterator[Moment]:
    about = f"emails about interview {pause.interview_id}" if pause.interview_id else "all emails"
    until = f"until {pause.until_on}" if pause.until_on else "until they say so"
    yield Moment(at=pause.began_at, kind="paused", what=f"Paused {about}", detail=until)
    if pause.ended_at:
        yield Moment(at=pause.ended_at, kind="went_on", what=f"Went on with {about}")


def _past(session: Session, person: Subscriber) -> Iterator[Moment]:
    of_all = PastEvent.subscriber_id.is_(None) & (PastEvent.at >= person.created_at)
    if person.erased_at:
        of_all &= PastEvent.at <= person.erased_at
    found = select(PastEvent).where(or_(PastEvent.subscriber_id == person.id, of_all)).order_by(PastEvent.id)
    for event in session.scalars(found):
        with_all = " with everybody" if event.subscriber_id is None else ""
        yield Moment(
            at=event.at, kind=event.kind, what=f"{event.kind.capitalize()}{with_all}", detail=event.detail
        )


def _sends(session: Session, person: Subscriber, *, catalog: Catalog) -> Iterator[Moment]:
    found = (
        select(Send, NewsletterIssue.subject)
        .outerjoin(NewsletterIssue, NewsletterIssue.id == Send.issue_id)
        .where(Send.subscriber_id == person.id)
        .order_by(Send.id)
    )
    for send, subject in session.execute(found):
        title = subject or _title(send, catalog)
        why = PLAIN_WORDS.get(Reason(send.reason), send.reason) if send.reason else ""
        detail = "; ".join(part for part in (why, send.detail) if part)
        if send.left_at:
            yield Moment(
                at=send.left_at, kind="sent", what=f"Sent “{title}”", detail=send.state, send_id=send.id
            )
        elif send.finished_at:
            what = f"Not sent: “{title}”"
            yield Moment(at=send.finished_at, kind="not_sent", what=what, detail=detail, send_id=send.id)


def _title(send: Send, catalog: Catalog) -> str:
    if send.campaign not in catalog.keys():  # noqa: SIM118 - a catalog is no mapping
        return send.step
    sequence = catalog.sequence(send.campaign)
    return sequence.step(send.step).title if send.step in sequence else send.step


def _heard(session: Session, person: Subscriber) -> Iterator[Moment]:
    found = (
        select(DeliveryRecord, Send.id)
        .join(Send, Send.reference == DeliveryRecord.reference)
        .where(Send.subscriber_id == person.id)
        .order_by(DeliveryRecord.id)
    )
    for record, send_id in session.execute(found):
        yield Moment(
            at=record.occurred_at,
            kind="heard",
            what=f"Heard of send {send_id}: {record.type}",
            detail=record.detail,
            send_id=send_id,
        )


def _of(session: Session, kind: type[T], person: Subscriber) -> list[T]:
    found = select(kind).where(kind.subscriber_id == person.id)  # type: ignore[attr-defined]  # all have one
    return list(session.scalars(found))
