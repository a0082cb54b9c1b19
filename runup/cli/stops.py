"""What stops a worker, and what would leave if it went on: shown at its start and by `sends release`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.terminal import say, show
from scheduler import Send
from scheduler.braking import active_holds
from scheduler.waiting import Waiting, waiting
from subscribers import masked

_COLUMNS = {"local_at": "When (theirs)", "subscriber": "Who", "step": "Step"}


def say_stops(application: Application, *, then: str = "") -> bool:
    """Print each brake that is on, what waits behind it, and `then`. Returns whether one is on."""
    with application.database.read() as session:
        lines = [f"Stopped ({hold.kind}): {hold.detail}" for hold in active_holds(session)]
        found = waiting(session, now=application.clock())
        rows = [_row(send) for send in found.first]
    if not lines:
        return False
    say(*lines, *_counts(found))
    if rows:
        show(rows, _COLUMNS, as_json=False, empty="")
    if then:
        say(then)
    return True


def say_stop_at_start(application: Application) -> None:
    """Before the first tick: what nobody may overlook."""
    say_stops(
        application,
        then="No email leaves until you have looked: `runup sends release`, or start with --resume.",
    )


def stops(session: Session, *, now: datetime) -> dict[str, Any]:
    """The same for programs."""
    found = waiting(session, now=now)
    return {
        "holds": [
            {"kind": h.kind, "began_at": h.began_at, "detail": h.detail} for h in active_holds(session)
        ],
        "due": found.count,
        "by_step": found.by_step,
        "ending": found.ending,
        "first": [_row(send) for send in found.first],
    }


def _counts(found: Waiting) -> list[str]:
    if not found.count:
        lines = ["Nothing is due."]
    else:
        steps = ", ".join(f"{number:,} {step}" for step, number in found.by_step.items())
        lines = [f"Due now: {found.count:,} ({steps}); of what is late, the latest for each interview leaves"]
    if found.ending:
        lines.append(f"Over meanwhile: {found.ending:,}; they will expire and not be sent.")
    return lines


def _row(send: Send) -> dict[str, Any]:
    return {
        "id": send.id,
        "local_at": datetime.fromisoformat(send.local_at).strftime("%a %Y-%m-%d %H:%M")
        if send.local_at
        else "",
        "subscriber": masked(send.subscriber.address),
        "step": send.step,
    }
