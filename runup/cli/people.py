"""From what an operator types to the person and the interview they mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time

from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.terminal import say
from scheduler import outlook, reconcile
from subscribers import Interview, Subscriber, address_hmac, find_subscriber, parse_address


def find_person(session: Session, application: Application, who: str) -> Subscriber:
    """The subscriber of this address, in upper or lower case, or of this number. Raises BadInput."""
    if who.isascii() and who.isdigit():
        found = session.get(Subscriber, int(who)) if len(who) < 19 else None
    else:
        found = find_subscriber(session, address_hmac(parse_address(who), application.hmac_key))
    if found is None:
        raise BadInput(f"there is no subscriber {who}; `runup subscribers list` shows who there is")
    if found.erased_at is not None:
        raise BadInput(f"subscriber {who} was erased on {found.erased_at:%Y-%m-%d}; nothing is kept of them")
    return found


@contextmanager
def changing(application: Application, who: str) -> Iterator[tuple[Session, Subscriber]]:
    """One transaction in which facts about a person change; their sends follow from the new facts."""
    with application.database.write() as session:
        person = find_person(session, application, who)
        yield session, person
        reconcile(session, person.id, catalog=application.catalog, now=application.clock())


def choose_interview(person: Subscriber, number: int | None, *, with_canceled: bool = False) -> Interview:
    """The interview of that number, or the only one there is. Raises BadInput naming the choices."""
    if number is not None:
        found = next((i for i in person.interviews if i.id == number), None)
        if found is None:
            raise BadInput(f"subscriber {person.id} has no interview {number}; {_choices(person.interviews)}")
        return found
    open_ = [i for i in person.interviews if with_canceled or i.canceled_at is None]
    if not open_:
        raise BadInput(
            f"subscriber {person.id} has no interview that is on; `runup subscribers show` tells more"
        )
    if len(open_) > 1:
        raise BadInput(f"subscriber {person.id} has several; say which with --interview: {_choices(open_)}")
    return open_[0]


def tell(application: Application, person_id: int, done: str) -> None:
    """Say what was done, and which email comes next because of it."""
    with application.database.read() as session:
        say(done, _what_comes_next(session, application, person_id))


def _what_comes_next(session: Session, application: Application, person_id: int) -> str:
    lines = outlook(session, person_id, catalog=application.catalog)
    coming = next((line for line in lines if line.kind == "coming" and line.at), None)
    if coming is None or coming.at is None:
        return "Nothing more is planned."
    return f"Next: “{coming.title}” on {coming.at:%a %Y-%m-%d %H:%M} ({coming.zone})."


def appointment(interview: Interview) -> str:
    """`2026-12-04 14:00 Europe/Berlin`; without the time when nobody knows it."""
    start = f" {interview.start_time:%H:%M}" if interview.start_time else ""
    return f"{interview.held_on}{start} {interview.zone}"


def read_day(value: str, option: str) -> date:
    try:
        return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        raise BadInput(
            f"{option}: {value[:20]!r} is not a day of the calendar; write it like 2026-12-04"
        ) from None


def read_time(value: str, option: str) -> time:
    try:
        return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 - a wall time has no zone
    except ValueError:
        raise BadInput(f"{option}: {value[:20]!r} is not a time of day; write it like 14:00") from None


def _choices(interviews: list[Interview]) -> str:
    return ", ".join(f"{i.id} ({appointment(i)})" for i in interviews) or "there is none"
