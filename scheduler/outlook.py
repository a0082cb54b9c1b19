"""One person's sends as they are told: what left, what will, what will not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.applied_catalog import applied
from campaigns.catalog import Catalog
from campaigns.enrollment import Enrollment
from campaigns.newsletter import NewsletterIssue
from campaigns.reasons import PLAIN_WORDS, Reason
from scheduler.send import ARRIVED, IN_FLIGHT, UNSENT, Send
from subscribers.subscriber import Subscriber
from subscribers.wall_time import local


@dataclass(frozen=True, kw_only=True)
class Line:
    """One send in plain words. `at` is on the person's own clock: when it left, else when it is due.

    `kind`: `left`, `coming`, `in_doubt` or `left_out`. `why` is empty where there is nothing to explain.
    """

    send_id: int
    interview_id: int
    """0: about no interview, but for a newsletter."""
    campaign: str
    step: str
    title: str
    kind: str
    at: datetime | None
    zone: str
    state: str
    reason: str
    why: str
    detail: str
    merged: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Withdrawn because what it answered is settled, like the reminder of a confirmation that came in
        time: nothing that anybody would miss."""
        return self.kind == "left_out" and self.reason == Reason.CONDITION_FALSE and not self.detail


def outlook(session: Session, subscriber_id: int, *, catalog: Catalog, language: str = "") -> list[Line]:
    """Everything written down about this person's sends, by the moment it left or is due.

    The titles are those of `language`, where the campaign has them in it, and else its own.
    A row that was closed and later taken up again is told once, as it stands now.
    """
    rows = session.execute(
        select(Send, Enrollment.interview_id, Subscriber.home_zone, NewsletterIssue.subject)
        .outerjoin(Enrollment, Enrollment.id == Send.enrollment_id)
        .outerjoin(NewsletterIssue, NewsletterIssue.id == Send.issue_id)
        .join(Subscriber, Subscriber.id == Send.subscriber_id)
        .where(Send.subscriber_id == subscriber_id)
        .order_by(Send.occurrence)
    ).all()
    subjects = {row[0].issue_id: row[3] for row in rows if row[3]}
    plain = [(row[0], row[1] or 0, row[2]) for row in rows]
    shelf = applied(session, catalog)
    return told(plain, catalog=shelf, language=language, subjects=subjects)


def told(
    rows: Iterable[tuple[Send, int, str]],
    *,
    catalog: Catalog,
    language: str = "",
    subjects: Mapping[int | None, str] | None = None,
) -> list[Line]:
    """`outlook` of these rows, each with its interview and its reader's zone, in the order of their
    occurrences. `subjects`: of the issues among them, by their ids."""
    newest = {_what(row[0]): row for row in rows}
    titles = subjects or {}
    lines = [_line(*row, catalog, language, titles.get(row[0].issue_id, "")) for row in newest.values()]
    return sorted(lines, key=lambda line: (line.at is None, line.at or 0, line.send_id))


def worth_telling(lines: Iterable[Line]) -> list[Line]:
    """Without what is left out and nobody would miss: what is settled, and what was withdrawn for an earlier
    date while something stands in its place. For people; an audit reads them all."""
    lines = list(lines)
    stands = {
        (line.interview_id, line.step) for line in lines if line.kind != "left_out" and line.interview_id
    }
    return [
        line
        for line in lines
        if line.kind != "left_out" or not (line.is_settled or (line.interview_id, line.step) in stands)
    ]


def planned_at(session: Session, subscriber_id: int) -> datetime | None:
    """When this person's sends were last planned or left; None when there are none."""
    latest = select(func.max(Send.planned_at), func.max(Send.left_at))
    moments = session.execute(latest.where(Send.subscriber_id == subscriber_id)).one()
    return max((moment for moment in moments if moment), default=None)


def _what(send: Send) -> tuple[object, ...]:
    return (send.enrollment_id, send.subscription_id, send.issue_id, send.step, send.occasion)


def _line(
    send: Send, interview_id: int, zone: str, catalog: Catalog, language: str, subject: str = ""
) -> Line:
    kind = _kind(send)
    moment = send.left_at if kind in ("left", "in_doubt") else send.due_at
    sequence = catalog.sequence(send.campaign)
    reason = Reason(send.reason) if send.reason else None
    return Line(
        send_id=send.id,
        interview_id=interview_id,
        campaign=send.campaign,
        step=send.step,
        title=sequence.step(send.step).title_in(language) if send.step in sequence else subject or send.step,
        kind=kind,
        at=local(moment, zone) if moment else None,
        zone=zone,
        state=send.state,
        reason=reason or "",
        why=PLAIN_WORDS[reason] if reason and reason is not Reason.ACCEPTED else "",
        detail=send.detail,
        merged=tuple(send.merged.split()),
    )


def _kind(send: Send) -> str:
    if send.state in ARRIVED:
        return "left"
    if send.state in UNSENT:
        return "coming"
    return "in_doubt" if send.state in IN_FLIGHT else "left_out"
