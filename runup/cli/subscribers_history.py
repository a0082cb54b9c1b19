"""`runup subscribers history`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.people import find_person
from runup.cli.terminal import show
from runup.reports.history import Moment, suppressions
from runup.reports.history import history as history_of
from subscribers import Subscriber, address_hmac, parse_address

_COLUMNS = {"at": "When", "what": "What", "detail": "More"}


def history(
    who: Annotated[str, Parameter(name="WHO", help="An address, or the number that `list` shows.")],
    /,
    *,
    json: bool = False,
) -> None:
    """One person's whole history: sign-ups, consents, moves, lists, every send with what came of it.

    By number it also tells what is left of somebody who was erased, by address that they were.

    Parameters
    ----------
    json
        Print JSON: at, kind, what, detail, interview_id, send_id.
    """
    with opened() as application, application.database.read() as session:
        moments = _moments(session, application, who)
    show([asdict(moment) for moment in moments], _COLUMNS, as_json=json, empty="Nothing is known.")


def _moments(session: Session, application: Application, who: str) -> list[Moment]:
    if who.isascii() and who.isdigit() and len(who) < 19:
        gone = session.get(Subscriber, int(who))
        if gone is not None and gone.erased_at is not None:
            return history_of(session, gone, catalog=application.catalog)
    try:
        person = find_person(session, application, who)
    except BadInput:
        silent = [] if who.isdigit() else _silent(session, application, who)
        if not silent:
            raise
        return silent
    return history_of(session, person, catalog=application.catalog)


def _silent(session: Session, application: Application, address: str) -> list[Moment]:
    """Of an address of which only the hash is left."""
    return list(suppressions(session, address_hmac(parse_address(address), application.hmac_key)))
