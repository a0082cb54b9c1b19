"""`runup campaigns`."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from campaigns import Campaign, CampaignError, CampaignState, Enrollment, Sequence, register
from campaigns import archive as archive_campaign
from campaigns import pause as pause_campaign
from campaigns import resume as resume_campaign
from campaigns.applied_catalog import Applied, applied
from campaigns.checking import check_campaign
from campaigns.describing import describe
from campaigns.enrollment import CampaignPause
from campaigns.finding import summary
from runup.application import Application, run_of, system_clock
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.shelf import base_of, catalog_of, known_key, stored_key
from runup.cli.status import length
from runup.cli.terminal import agreed, print_json, say, show
from runup.settings import Settings
from scheduler import Send
from scheduler.send import UNSENT

app = App(name="campaigns", help="Check, read, pause and resume campaigns.")
app.command("runup.cli.timeline:timeline", name="timeline", help="Who gets what when, as a picture.")
app.command("runup.cli.campaigns_plan:plan", name="plan", help="What applying the files would change.")
app.command("runup.cli.campaigns_apply:apply", name="apply", help="Make the files the version that counts.")
app.command("runup.cli.campaigns_apply:rollback", name="rollback", help="Apply a version of before.")
app.command("runup.cli.campaigns_history:history", name="history", help="Every version, by whom and why.")
app.command("runup.cli.campaigns_variants:variants", name="variants", help="How variants of emails fare.")
app.command("runup.cli.campaigns_variants:decide", name="decide", help="Let one variant win.")
app.command("runup.cli.campaigns_new:new", name="new", help="Make a campaign of your own.")
Key = Annotated[str, Parameter(name="CAMPAIGN", help="Its key; the one of the settings if left out.")]
_LIST = {"key": "Campaign", "name": "Name", "state": "State", "steps": "Steps", "enrollments": "People on it",
         "waiting": "Waiting", "version": "Version"}  # fmt: skip
_STEPS = {"key": "Step", "title": "Email", "due": "When", "late": "Late", "when": "Only when"}


@app.command(name="list")
def list_(*, json: bool = False) -> None:
    """The campaigns there are: those shipped and, before them, your own.

    Parameters
    ----------
    json
        Print JSON: key, name, state, steps, enrollments, waiting, version, number, is_edited (the files are
        not those in force), why (it was archived, or a worker paused it).
    """
    with opened() as application, application.database.read() as session:
        shelf = applied(session, application.catalog)
        rows = [
            _row(session, shelf, key, is_edited=_edited(application, shelf, key))
            for key in shelf.keys()  # noqa: SIM118 - no mapping
        ]
    shown = rows if json else [row | {"version": _named(row)} for row in rows]
    show(shown, _LIST, as_json=json, empty="There is no campaign.")
    if not json:
        say(*(f"{row['key']} is {row['state']}: {row['why']}" for row in rows if row["why"]))
        say(*(f"{row['key']}: the files are not those in force; see `runup campaigns plan {row['key']}`"
              for row in rows if row["is_edited"]))  # fmt: skip


@app.command(name="show")
def show_(campaign: Key = "", /, *, json: bool = False) -> None:
    """A campaign's timetable in words.

    Parameters
    ----------
    json
        Print JSON: key, name, version, window, gap_seconds, jitter_seconds, steps with key, title, due, late,
        once_per, when.
    """
    sequence = _sequence(campaign)
    steps = [
        {
            "key": step.key,
            "title": step.title,
            "due": describe(step),
            "late": step.late.value,
            "once_per": step.once_per.value,
            "when": step.when.source if step.when else None,
        }
        for step in sequence.steps
    ]
    window = f"{sequence.window.opens:%H:%M} to {sequence.window.closes:%H:%M}"
    if json:
        seconds = {
            "gap_seconds": sequence.gap.total_seconds(),
            "jitter_seconds": sequence.jitter.total_seconds(),
        }
        facts = {"key": sequence.key, "name": sequence.name, "version": sequence.version, "window": window}
        print_json(facts | seconds | {"steps": steps})
        return
    gap = length(sequence.gap)
    say(f"{sequence.name}: emails leave from {window} where the reader lives, at least {gap} apart.", "")
    show(steps, _STEPS, as_json=False, empty="It has no steps.")


@app.command
def check(campaign: Key = "", /, *, clients: bool = False, json: bool = False) -> int:
    """Render every email in every branch and say what is wrong. Exit code 1 on errors.

    Parameters
    ----------
    clients
        Also say which mail clients do not support the CSS in use, as notes.
    json
        Print JSON: severity, file, line, message.
    """
    settings = Settings.load()
    catalog, key = catalog_of(settings), known_key(settings, campaign)
    # For a sample brand: an address of this machine in the settings is no fault of the campaign's.
    found = check_campaign(
        catalog.folder(key),
        base=base_of(settings),
        today=system_clock().date(),
        with_notes=clients,
        counts_clicks=settings.count_clicks,
        run=run_of(settings),
    )
    if json:
        keys = ("severity", "file", "line", "message")
        print_json([{name: getattr(finding, name) for name in keys} for finding in found])
    else:
        say(*map(str, found))
        say(f"{key}: {summary(found)}")
    return 1 if any(finding.severity == "error" for finding in found) else 0


@app.command
def pause(campaign: Key = "", /) -> None:
    """Nothing of it leaves until `resume`. Acts at once, also on what is about to leave."""
    with opened() as application, application.database.write() as session:
        changed = pause_campaign(session, _stored(session, application, campaign), now=application.clock())
    say("Paused: nothing leaves until `runup campaigns resume`." if changed else "It was not running.")


@app.command
def archive(campaign: Key = "", /, *, why: str, yes: bool = False) -> int:
    """End it: nothing of it leaves and nobody is enrolled any more. `resume` takes that back.

    Parameters
    ----------
    why
        Kept, and shown by `list` and `history`.
    yes
        Do not ask.
    """
    with opened() as application, application.database.read() as session:
        key = stored_key(application, campaign)
        waiting = session.scalar(_waiting(key)) or 0
        if not agreed(f"Archive {key}? {waiting:,} emails that wait will not leave.", yes=yes):
            raise BadInput("nothing was changed; say --yes where nobody can be asked")
        with application.database.write() as changing:
            stored = _stored(changing, application, key)
            changed = archive_campaign(changing, stored, now=application.clock(), why=why)
    say(f"Archived: {why}" if changed else "It was archived already.")
    return 0


@app.command
def resume(campaign: Key = "", /) -> None:
    """Let it send and enroll again, after `pause` or `archive`.

    What became overdue meanwhile expires or comes as the latest email alone.
    """
    with opened() as application, application.database.write() as session:
        changed = resume_campaign(session, _stored(session, application, campaign), now=application.clock())
    say("Resumed." if changed else "It was running.")


def _named(row: dict[str, Any]) -> str:
    return str(row["number"]) if row["number"] else ""


def _row(session: Session, shelf: Applied, key: str, *, is_edited: bool) -> dict[str, Any]:
    sequence, stored = shelf.sequence(key), session.get(Campaign, key)
    return {
        "key": sequence.key,
        "name": sequence.name,
        "state": stored.state if stored else CampaignState.RUNNING.value,
        "steps": len(sequence.steps),
        "enrollments": session.scalar(
            select(func.count(Enrollment.id)).where(Enrollment.campaign == sequence.key)
        ),
        "waiting": session.scalar(_waiting(key)),
        "version": stored.version if stored else "",
        "number": stored.number if stored else 0,
        "is_edited": bool(stored and stored.number) and is_edited,
        "why": _why_paused(session, sequence.key),
    }


def _waiting(key: str) -> Select[int]:
    return select(func.count(Send.id)).where(Send.campaign == key, Send.state.in_(UNSENT))


def _edited(application: Application, shelf: Applied, key: str) -> bool:
    """The files are not those in force; a file that cannot be read is not, either."""
    try:
        return application.catalog.files(key).version != shelf.files(key).version
    except CampaignError:
        return True


def _why_paused(session: Session, key: str) -> str:
    """What made a worker pause it; empty when it runs, or an operator paused it."""
    open_ones = select(CampaignPause.why).where(
        CampaignPause.campaign == key, CampaignPause.ended_at.is_(None)
    )
    return session.scalar(open_ones.order_by(CampaignPause.id.desc()).limit(1)) or ""


def _stored(session: Session, application: Application, campaign: str) -> Campaign:
    """The campaign's row, locked: a send that is about to leave is before this or sees it."""
    key = stored_key(application, campaign)
    return register(session, application.catalog, key, now=application.clock())


def _sequence(campaign: str) -> Sequence:
    settings = Settings.load()
    return catalog_of(settings).sequence(known_key(settings, campaign))
