"""`runup subscribers search`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.terminal import note, show
from runup.cli.whom import Whom
from runup.reports import subscriber_rows
from subscribers import masked
from subscribers.searching import count_found

_EVERYBODY = Whom()
_COLUMNS = {"id": "No", "email": "Address", "first_name": "Name", "interview_on": "Interview",
            "home_zone": "Zone", "state": "State", "tags": "Tags"}  # fmt: skip


def search(
    text: Annotated[str, Parameter(name="TEXT", help="A part of an address or of a name.")] = "",
    /,
    whom: Whom = _EVERYBODY,
    *,
    page: int = 1,
    limit: int = 50,
    addresses: bool = False,
    json: bool = False,
) -> None:
    """Find people by a part of their address or name, by tag, list, zone, interview or state.

    Parameters
    ----------
    page
        Which page of the result, from 1; the newest people come first.
    limit
        How many on a page; 0 for all.
    addresses
        Show whole addresses; without it a…@example.com.
    json
        Print JSON: id, email (shortened unless --addresses), first_name, home_zone, locale, created_at,
        confirmed_at, suppressed, interviews, interview_id, interview_on, state, tags.
    """
    if limit < 0 or page < 1:
        raise BadInput("--limit must be 0 or more, --page 1 or more")
    with opened() as application, application.database.read() as session:
        wanted = whom.search(application, text=text)
        total, skip = count_found(session, wanted), limit * (page - 1)
        rows = subscriber_rows(session, *wanted.conditions(), now=application.clock(), limit=limit, skip=skip)
    for row in rows if not addresses else ():
        row["email"] = masked(row["email"])
    show(rows, _COLUMNS, as_json=json, empty=_nobody(total, page))
    if rows and len(rows) < total:
        note(f"{skip + 1} to {skip + len(rows)} of {total}; --page {page + 1} goes on")


def _nobody(total: int, page: int) -> str:
    return f"Page {page} is empty; there are {total} people." if total else "Nobody is like that."
