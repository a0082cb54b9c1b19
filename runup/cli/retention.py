"""`runup retention`."""

from __future__ import annotations

from datetime import datetime

from runup.application import Application
from runup.cli.errors import BadInput, Failed
from runup.cli.opening import opened
from runup.cli.terminal import agreed, progress, say, show_facts
from scheduler.braking import active_hold
from scheduler.journal import Journal
from scheduler.retention import forget_all, overdue

_TITLES = {
    "people": "People with nothing left here",
    "interviews": "Interviews that are long over",
    "events": "Events of providers",
    "journal_days": "Days of the send journal",
}


def retention(*, run: bool = False, yes: bool = False, json: bool = False) -> None:
    """What is to be deleted by now, as we said we would. Workers do it every hour by themselves.

    Parameters
    ----------
    run
        Delete it now.
    yes
        Do not ask.
    json
        Print JSON: people, interviews, events, journal_days; what is to be deleted, or was by --run.
    """
    with opened() as application:
        now = application.clock()
        found = _overdue(application, now)
        if not run:
            show_facts(found, _TITLES, as_json=json)
            return
        if any(found.values()) and not agreed(f"Delete {_words(found)} for good?", yes=yes):
            raise BadInput("nothing was deleted; say --yes to delete without being asked")
        _delete(application, sum(found.values()), now)
    show_facts(found, _TITLES, as_json=json)
    if not json:
        say("Deleted." if any(found.values()) else "Nothing was to be deleted.")


def _overdue(application: Application, now: datetime) -> dict[str, int]:
    with application.database.read() as session:
        due = overdue(session, now=now)
    journal = Journal(application.settings.journal_folder)
    return {
        "people": due.people,
        "interviews": due.interviews,
        "events": due.events,
        "journal_days": len(journal.forgettable(now=now)),
    }


def _delete(application: Application, total: int, now: datetime) -> None:
    with application.database.read() as session:
        hold = active_hold(session)
    if hold is not None:
        # What stopped the workers may be a wrong clock, and by that nobody is forgotten.
        raise Failed(f"nothing is deleted while a brake is on ({hold.kind}): {hold.detail}")
    with progress("deleting", total) as advance:
        forget_all(application.database, catalog=application.catalog, now=now, progress=advance)
    Journal(application.settings.journal_folder).forget(now=now)


def _words(found: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in found.items() if number)
