"""What a person can change on their plan page: a form in, facts changed, the name of what was done out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from runup.web.forms import Fields
from runup.web.reading import InvalidFields, read_choice, read_day, read_time, require_day
from subscribers import (
    Format,
    Interview,
    Interviewers,
    InvalidInterviewDate,
    MissingDate,
    Mode,
    Outcome,
    UnknownZone,
    cancel,
    change_details,
    change_home_zone,
    keep_newsletter,
    move,
    tell_decision_day,
    tell_outcome,
)

Change = Callable[[Session, Interview, Fields, datetime], str]
"""Changes facts and returns a key of `DONE`. Raises InvalidFields, with nothing changed."""

SAME = "same"
DONE = {
    "confirmed": "Confirmed. Your plan stands.",
    "moved": "The date is changed, and every email has moved along.",
    "canceled": "The interview is canceled. Nothing more leaves but one short confirmation.",
    "offer": "Congratulations! The nudges stop; a last email helps you answer well.",
    "rejected": "We are sorry. The nudges stop; one email helps you make use of it.",
    "next_round": "Well done! Tell us the new date, and it begins again.",
    "decision": "Noted. We remind you after that day, not before.",
    "details": "Noted. The emails fit that from now on.",
    "newsletter": "Noted. You stay for the newsletter, and only for that.",
    "zone": "Noted. Emails arrive by that clock from now on.",
    SAME: "That is how it was already. Nothing was changed.",
}
"""Fixed words only: what stands in an address is never printed."""


def _move(session: Session, interview: Interview, fields: Fields, now: datetime) -> str:
    day = require_day(fields, "interview_date")
    start = read_time(fields, "interview_time")
    zone = fields.get("interview_zone") or interview.zone
    try:
        changed = move(session, interview, held_on=day, start_time=start, zone=zone, now=now)
    except UnknownZone as error:
        raise InvalidFields({"interview_zone": str(error)}) from None
    except (InvalidInterviewDate, MissingDate) as error:
        raise InvalidFields({"interview_date": str(error)}) from None
    return "moved" if changed else SAME


def _cancel(session: Session, interview: Interview, _fields: Fields, now: datetime) -> str:
    return "canceled" if cancel(session, interview, now=now) else SAME


def _outcome(session: Session, interview: Interview, fields: Fields, now: datetime) -> str:
    outcome = read_choice(fields, "outcome", Outcome)
    return str(outcome) if tell_outcome(session, interview, outcome, now=now) else SAME


def _decision(session: Session, interview: Interview, fields: Fields, _now: datetime) -> str:
    day = read_day(fields, "decision_on")
    try:
        return "decision" if tell_decision_day(session, interview, day) else SAME
    except InvalidInterviewDate as error:
        raise InvalidFields({"decision_on": str(error)}) from None


def _details(session: Session, interview: Interview, fields: Fields, _now: datetime) -> str:
    changed = change_details(
        session,
        interview,
        mode=read_choice(fields, "mode", Mode),
        interviewers=read_choice(fields, "interviewers", Interviewers),
        format=read_choice(fields, "format", Format),
    )
    return "details" if changed else SAME


def _zone(session: Session, interview: Interview, fields: Fields, _now: datetime) -> str:
    before = interview.subscriber.home_zone
    try:
        change_home_zone(session, interview.subscriber, fields.get("home_zone", ""))
    except UnknownZone as error:
        raise InvalidFields({"home_zone": str(error)}) from None
    return "zone" if interview.subscriber.home_zone != before else SAME


def _newsletter(session: Session, interview: Interview, fields: Fields, now: datetime) -> str:
    if fields.get("newsletter") != "yes":
        raise InvalidFields({"newsletter": "please tick the box, or just close this page"})
    return "newsletter" if keep_newsletter(session, interview.subscriber, now=now, source="plan") else SAME


CHANGES: dict[str, Change] = {
    "move": _move,
    "cancel": _cancel,
    "outcome": _outcome,
    "decision": _decision,
    "details": _details,
    "zone": _zone,
    "newsletter": _newsletter,
}
"""By the last part of the form's address, `/plan/TOKEN/move`."""
