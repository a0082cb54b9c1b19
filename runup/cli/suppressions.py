"""`runup suppressions`."""

from __future__ import annotations

from cyclopts import App
from sqlalchemy import select

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.terminal import agreed, note, say, show
from scheduler import reconcile
from subscribers import (
    Happened,
    Reason,
    Subscriber,
    Suppression,
    address_hmac,
    find_subscriber,
    find_suppression,
    masked,
    parse_address,
    remember,
    suppress,
)
from subscribers import lift as lift_suppression

app = App(name="suppressions", help="Who must not be written to, and why.")
_COLUMNS = {"address": "Address", "reason": "Reason", "created_at": "Since", "scope": "For"}


@app.command(name="list")
def list_(*, limit: int = 50, json: bool = False) -> None:
    """Who must not be written to, the newest first. Addresses of strangers are kept as hashes alone.

    Parameters
    ----------
    limit
        How many at most; 0 for all.
    json
        Print JSON: id, address (shortened; null when only the hash is known), address_hmac, scope, reason,
        created_at.
    """
    found = (
        select(Suppression, Subscriber.address)
        .outerjoin(Subscriber, Subscriber.address_hmac == Suppression.address_hmac)
        .order_by(Suppression.id.desc())
    )
    with opened() as application, application.database.read() as session:
        rows = session.execute(found.limit(limit) if limit else found).all()
    shown = [
        {
            "id": row.Suppression.id,
            "address": masked(row.address) if row.address else None,
            "address_hmac": row.Suppression.address_hmac,
            "scope": row.Suppression.scope,
            "reason": row.Suppression.reason,
            "created_at": row.Suppression.created_at,
        }
        for row in rows
    ]
    for row in shown if not json else ():
        row["address"] = row["address"] or f"{row['address_hmac'][:12]}… (hash)"
    show(shown, _COLUMNS, as_json=json, empty="Nobody: everybody who confirmed may be written to.")
    if limit and len(rows) == limit:
        note(f"the newest {limit}; --limit 0 shows all")


@app.command
def add(address: str, /) -> None:
    """Never write to this address again, whoever signs it up.

    Parameters
    ----------
    address
        Any address; it need not be a subscriber's.
    """
    with opened() as application:
        key = _key(application, address)
        with application.database.write() as session:
            new = suppress(session, key, Reason.BY_OPERATOR, now=application.clock())
            known = find_subscriber(session, key)
            if known is not None:
                reconcile(session, known.id, catalog=application.catalog, now=application.clock())
    say("Nothing more leaves to this address." if new else "Nothing left to this address already.")


@app.command
def lift(address: str, /, *, yes: bool = False) -> None:
    """Allow writing again: you were mistaken, or they asked for it in a way you can prove.

    Parameters
    ----------
    address
        The address.
    yes
        Do not ask.
    """
    with opened() as application:
        key = _key(application, address)
        with application.database.read() as session:
            found = find_suppression(session, key)
        if found is None:
            raise BadInput("this address is not suppressed")
        if not agreed(f"It was suppressed because: {found.reason}. Write to it again?", yes=yes):
            raise BadInput("nothing has changed; say --yes to lift it without being asked")
        with application.database.write() as session:
            lift_suppression(session, key)
            known = find_subscriber(session, key)
            if known is not None:
                known.unsubscribed_at = None
                at, why = application.clock(), f"by the operator; it was {found.reason}"
                remember(session, known.id, Happened.LIFTED, at=at, detail=why)
                reconcile(session, known.id, catalog=application.catalog, now=application.clock())
    say("Lifted: emails may leave to this address again.")


def _key(application: Application, address: str) -> str:
    return address_hmac(parse_address(address), application.hmac_key)
