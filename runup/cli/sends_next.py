"""`runup sends next`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from runup.cli.opening import opened
from runup.cli.sends import COLUMNS, send_facts
from runup.cli.terminal import show
from runup.reports.moments import day_of
from scheduler import Send
from scheduler.send import UNSENT, is_in
from subscribers import Subscriber, masked

_GROUPS = {"day": "Day (UTC)", "step": "Step", "emails": "Emails", "hours": "Between (UTC)", "who": "Who"}
_NAMED = 2
"""People named per line."""


def next_(*, limit: int = 20, each: bool = False, json: bool = False) -> None:
    """What leaves next: per day and step, how many emails, between which hours and to whom.

    Parameters
    ----------
    limit
        How many lines at most.
    each
        A line for every single email.
    json
        Print JSON: day, campaign, step, emails, first_at, last_at, who (the first few, shortened); with
        --each the keys of `list`.
    """
    with opened() as application, application.database.read() as session:
        rows = _one_by_one(session, limit) if each else _groups(session, limit)
    columns = {"due_at": "Due (UTC)"} | COLUMNS
    del columns["state"], columns["reason"]
    show(
        rows if each or json else [_shown(row) for row in rows],
        columns if each else _GROUPS,
        as_json=json,
        empty="Nothing is planned.",
    )


def _one_by_one(session: Session, limit: int) -> list[dict[str, Any]]:
    found = session.execute(_people(Send).order_by(Send.ready_at, Send.id).limit(limit))
    return [send_facts(send, address) for send, address in found]


def _groups(session: Session, limit: int) -> list[dict[str, Any]]:
    day, first = day_of(session, Send.ready_at), func.min(Send.ready_at)
    found = session.execute(
        select(day.label("day"), Send.campaign, Send.step, func.count(), first, func.max(Send.ready_at))
        .where(is_in(*UNSENT))
        .group_by(day, Send.campaign, Send.step)
        .order_by(first, Send.campaign, Send.step)
        .limit(limit)
    ).all()
    return [
        {
            "day": row.day,
            "campaign": row.campaign,
            "step": row.step,
            "emails": row[3],
            "first_at": row[4],
            "last_at": row[5],
            "who": [
                masked(address)
                for _, address in session.execute(
                    _people(Send.id)
                    .where(Send.campaign == row.campaign, Send.step == row.step)
                    .where(Send.ready_at >= row[4], Send.ready_at <= row[5])
                    .order_by(Send.ready_at, Send.id)
                    .limit(_NAMED)
                )
            ],
        }
        for row in found
    ]


def _people(what: Any) -> Select[Any]:
    return select(what, Subscriber.address).join(Subscriber).where(is_in(*UNSENT))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    first, last = f"{row['first_at']:%H:%M}", f"{row['last_at']:%H:%M}"
    more = row["emails"] - len(row["who"])
    return row | {
        "emails": f"{row['emails']:,}",
        "hours": first if first == last else f"{first} to {last}",
        "who": ", ".join(row["who"]) + (f" and {more:,} more" if more else ""),
    }
