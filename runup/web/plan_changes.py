"""What a person can change on their plan page: a form in, facts changed, the name of what was done out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from runup.web.forms import Fields
from runup.web.languages import gettext
from runup.web.reading import InvalidFields, read_choice, read_day, read_time, require_day
from subscribers import (
    Format,
    Interview,
    Interviewers,
    InvalidInterviewDate,
    InvalidPause,
    MissingDate,
    Mode,
    NewsletterList,
    Outcome,
    Subscriber,
    UnknownZone,
    cancel,
    change_details,
    change_home_zone,
    come_back,
    find_suppression,
    go_on,
    join_list,
    leave_list,
    lists_of,
    move,
    pause_emails,
    tell_decision_day,
    tell_outcome,
)
from subscribers.wording import Said

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
    "lists": "Noted. You get the newsletters you ticked, and no other.",
    "paused": "Paused. Nothing leaves in that time; below you see what comes afterwards.",
    "going_on": "Welcome back. What you missed comes as one short version, the rest on its day.",
    "stopped": "Stopped. Nothing more leaves about this interview.",
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


def _pause(session: Session, interview: Interview, fields: Fields, now: datetime) -> str:
    day = read_day(fields, "until_on")
    try:
        return "paused" if pause_emails(session, interview.subscriber, until_on=day, now=now) else SAME
    except (InvalidPause, MissingDate) as error:
        raise InvalidFields({"until_on": str(error)}) from None


def _stop(session: Session, interview: Interview, _fields: Fields, now: datetime) -> str:
    """No emails about this interview, for as long as they like."""
    new = pause_emails(session, interview.subscriber, until_on=None, now=now, interview=interview)
    return "stopped" if new else SAME


def _go_on(session: Session, interview: Interview, _fields: Fields, now: datetime) -> str:
    """Whatever kept these emails from leaving and was the person's own wish is over."""
    subscriber = interview.subscriber
    ended = [
        come_back(session, subscriber, now=now),
        go_on(session, subscriber, now=now),
        go_on(session, subscriber, now=now, interview=interview),
    ]
    return "going_on" if any(ended) else SAME


def list_field(key: str) -> str:
    """The name of the box that stands for a list."""
    return f"list-{key}"


def lists_for(session: Session, subscriber_id: int, lists: Iterable[NewsletterList]) -> list[NewsletterList]:
    """The lists a person may see: the public ones and those they are on."""
    theirs = lists_of(session, subscriber_id)
    return [each for each in lists if each.is_public or each.key in theirs]


def change_lists(lists: Iterable[NewsletterList]) -> Change:
    """They are on the lists they ticked, and on no other of those they could tick."""

    def change(session: Session, interview: Interview, fields: Fields, now: datetime) -> str:
        return choose_lists(session, interview.subscriber, lists, fields, now=now)

    return change


def choose_lists(
    session: Session,
    subscriber: Subscriber,
    lists: Iterable[NewsletterList],
    fields: Fields,
    *,
    now: datetime,
) -> str:
    """What `change_lists` does, of somebody who may have no interview."""
    if find_suppression(session, subscriber.address_hmac or ""):
        raise InvalidFields({"newsletter": Said("you have stopped all emails; take that back first")})
    done = [
        join_list(session, subscriber, each, now=now, source="plan", wording=gettext(each.wording))
        if fields.get(list_field(each.key)) == "yes"
        else leave_list(session, subscriber, each.key, now=now)
        for each in lists_for(session, subscriber.id, lists)
    ]
    return "lists" if any(done) else SAME


def changes(lists: Iterable[NewsletterList]) -> Mapping[str, Change]:
    """By the last part of the form's address, `/plan/TOKEN/move`. `lists`: the newsletters there are."""
    return CHANGES | {"newsletter": change_lists(tuple(lists))}


CHANGES: dict[str, Change] = {
    "move": _move,
    "cancel": _cancel,
    "outcome": _outcome,
    "decision": _decision,
    "details": _details,
    "zone": _zone,
    "pause": _pause,
    "stop": _stop,
    "go-on": _go_on,
}
"""Those that need no more than the person."""
