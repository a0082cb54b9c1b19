"""`runup subscribers show`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter

from runup.cli.opening import opened
from runup.cli.people import find_person
from runup.cli.sending_words import SEND_COLUMNS, send_row
from runup.cli.terminal import print_json, say, show, show_facts
from scheduler import outlook
from scheduler.readers import reactions_of
from subscribers.own_data import own_data

_PERSON = {
    "address": "Address", "first_name": "Name", "home_zone": "Lives by", "created_at": "Signed up",
    "confirmed_at": "Confirmed", "unsubscribed_at": "Unsubscribed", "suppressed": "Not written to",
}  # fmt: skip
_INTERVIEW = {"id": "No", "held_on": "Day", "start_time": "Time", "zone": "Where", "mode": "Mode",
              "outcome": "Outcome", "state": "State"}  # fmt: skip


def show_(
    who: Annotated[str, Parameter(name="WHO", help="An address, or the number that `list` shows.")],
    /,
    *,
    json: bool = False,
) -> None:
    """Everything kept about one person: facts, interviews, consents, and every email with its reason.

    Parameters
    ----------
    json
        Print JSON: subscriber, interviews, consents, newsletters, tags, pauses, history, suppression, sends,
        reactions. This is also what to hand to somebody who asks for their data.
    """
    with opened() as application, application.database.read() as session:
        person = find_person(session, application, who)
        data = own_data(session, person)
        lines = outlook(session, person.id, catalog=application.catalog)
        reactions = reactions_of(session, person.id)
    if json:
        print_json(data | {"sends": [asdict(line) for line in lines], "reactions": reactions})
        return
    _print_person(data)
    say("", "Interviews")
    show([_interview(row) for row in data["interviews"]], _INTERVIEW, as_json=False, empty="none")
    say("", "Emails, by the clocks where they live")
    show([send_row(line) for line in lines], SEND_COLUMNS, as_json=False, empty="none planned")


def _print_person(data: dict[str, Any]) -> None:
    suppression = data["suppression"]
    show_facts(
        data["subscriber"] | {"suppressed": suppression and suppression["reason"]}, _PERSON, as_json=False
    )


def _interview(row: dict[str, Any]) -> dict[str, Any]:
    state = "canceled" if row["canceled_at"] else "confirmed" if row["confirmed_at"] else "unconfirmed"
    start = row["start_time"]
    return row | {"state": state, "start_time": start and f"{start:%H:%M}"}
