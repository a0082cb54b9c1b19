"""`runup subscribers erase`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from sqlalchemy.orm import Session

from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.people import changing, find_person
from runup.cli.terminal import agreed, say
from subscribers import Subscriber
from subscribers.own_data import erase as erase_person
from subscribers.own_data import own_data

_Who = Annotated[str, Parameter(name="WHO", help="An address, or the number that `list` shows.")]


def erase(who: _Who, /, *, yes: bool = False, dry_run: bool = False) -> None:
    """Forget a person for good: address, name, interviews, consent. The address stays suppressed as a hash.

    Parameters
    ----------
    yes
        Do not ask.
    dry_run
        Only say what would be erased.
    """
    with opened() as application:
        with application.database.read() as session:
            person = find_person(session, application, who)
            words = _all_of(session, person)
        if dry_run:
            say(f"Would erase {words}. Nothing has changed.")
            return
        if not agreed(f"Erase {words}? This cannot be undone.", yes=yes):
            raise BadInput("nothing was erased; say --yes to erase without being asked")
        with changing(application, who) as (session, person):
            erase_person(session, person, now=application.clock())
    say(f"Erased {words}.")


def _all_of(session: Session, person: Subscriber) -> str:
    """What there is to forget, in plain words."""
    data = own_data(session, person)
    kinds = ("interviews", "consents", "newsletters", "tags", "pauses")
    told = ", ".join(f"{len(data[kind])} {kind}" for kind in kinds if data[kind])
    return f"subscriber {person.id} with {told or 'nothing besides the address'}"
