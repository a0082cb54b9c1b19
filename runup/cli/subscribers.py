"""`runup subscribers`: one person at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from cyclopts import App, Parameter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.people import (
    appointment,
    changing,
    choose_interview,
    read_day,
    read_time,
    tell,
)
from runup.cli.terminal import note, say, show
from runup.reports import subscriber_rows
from scheduler import reconcile
from subscribers import (
    Consent,
    Outcome,
    SignUp,
    Subscriber,
    address_hmac,
    confirm,
    find_suppression,
    masked,
    sign_up,
)
from subscribers import cancel as cancel_interview
from subscribers import move as move_interview
from subscribers import tell_outcome as tell_the_outcome
from subscribers import unsubscribe as unsubscribe_person

app = App(name="subscribers", help="Who we write to, and their interviews.")
app.command(
    "runup.cli.subscribers_show:show_",
    name="show",
    help="Everything about one person: facts, interviews, emails.",
)
app.command(
    "runup.cli.subscribers_import:import_", name="import", help="Bring in many people from a CSV file."
)
app.command("runup.cli.subscribers_export:export", name="export", help="Write people to a CSV file.")
app.command(
    "runup.cli.subscribers_search:search", name="search", help="Find people by what is known of them."
)
app.command(
    "runup.cli.subscribers_history:history", name="history", help="One person's whole history in one line."
)
app.command("runup.cli.subscribers_merge:doubles", name="doubles", help="People who may be one.")
app.command("runup.cli.subscribers_merge:merge", name="merge", help="Make two people one.")
app.command("runup.cli.subscribers_erase:erase", name="erase", help="Forget a person for good.")
app.command("runup.cli.subscribers_tag:tag", name="tag", help="Tie words to people.")
app.command("runup.cli.subscribers_tag:untag", name="untag", help="Take words away from people.")

Who = Annotated[str, Parameter(name="WHO", help="An address, or the number that `list` shows.")]
Which = Annotated[
    int | None, Parameter(name="--interview", help="The interview's number, when there are several.")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Form:
    """What the sign-up page asks, as options."""

    interview_date: Annotated[str, Parameter(name=("--interview-date", "--date"))]
    """The day of the interview, like 2026-12-04."""
    home_zone: Annotated[str, Parameter(name=("--home-zone", "--zone"))]
    """Where they live, like Europe/Berlin: emails leave by these clocks."""
    interview_time: Annotated[str, Parameter(name=("--interview-time", "--time"))] = ""
    """When it starts, like 14:00, where it takes place."""
    interview_zone: str = ""
    """Where it takes place, if that is elsewhere."""
    first_name: str = ""
    """How the emails greet them."""
    mode: Literal["onsite", "video", "phone", "unknown"] = "unknown"
    """How they meet."""
    interviewers: Literal["same", "new", "unknown"] = "unknown"
    """Whether they are those of the first interview."""
    format: Literal["one_to_one", "panel", "case", "presentation", "group", "unknown"] = "unknown"
    """What kind of conversation it will be."""
    company: str = ""
    """Shown to them alone."""
    role: str = ""
    """What they apply for."""
    country: str = ""
    """Two letters, like DE."""


@app.command
def add(email: str, /, form: Form, *, campaign: str = "", consent_proof: str = "") -> None:
    """Sign somebody up. They get an email to confirm, and nothing else until they do.

    Parameters
    ----------
    email
        Their address.
    campaign
        The sequence; the one of the settings if left out.
    consent_proof
        They agreed already: where that is recorded. No email to confirm is sent then.
    """
    with opened() as application:
        key, now = campaign or application.settings.campaign, application.clock()
        application.catalog.sequence(key)
        signed_up = SignUp.parse({"email": email, **asdict(form), "consent": "yes"}, now=now)
        with application.database.write() as session:
            _refuse_suppressed(session, application, signed_up.address)
            interview = sign_up(
                session, signed_up, campaign=key, hmac_key=application.hmac_key, now=now, source="cli"
            )
            if consent_proof:
                for consent in session.scalars(select(Consent).where(Consent.interview_id == interview.id)):
                    consent.proof = consent_proof
                interview = confirm(session, interview, now=now)
            reconcile(session, interview.subscriber_id, catalog=application.catalog, now=now)
        words = f"Subscriber {interview.subscriber_id}, interview {interview.id}: {appointment(interview)}."
        tell(application, interview.subscriber_id, words)


@app.command(name="list")
def list_(*, limit: int = 50, addresses: bool = False, json: bool = False) -> None:
    """Who there is, the newest first.

    Parameters
    ----------
    limit
        How many at most; 0 for all.
    addresses
        Show whole addresses; without it a…@example.com.
    json
        Print JSON: id, email (shortened unless --addresses), first_name, home_zone, locale, created_at,
        confirmed_at, suppressed, interviews, interview_id, interview_on, state, tags.
    """
    if limit < 0:
        raise BadInput("--limit: must be 0 or more")
    with opened() as application, application.database.read() as session:
        rows = subscriber_rows(session, now=application.clock(), limit=limit)
        total = session.scalar(select(func.count(Subscriber.id)).where(Subscriber.erased_at.is_(None))) or 0
    for row in rows if not addresses else ():
        row["email"] = masked(row["email"])
    columns = {"id": "No", "email": "Address", "first_name": "Name", "interview_on": "Interview",
               "home_zone": "Zone", "state": "State"}  # fmt: skip
    show(
        rows, columns, as_json=json, empty="Nobody yet. `runup subscribers add` or the site signs people up."
    )
    if len(rows) < total:
        note(f"{len(rows)} of {total}; --limit 0 shows all")


@app.command
def move(
    who: Who,
    /,
    *,
    date: str,
    time: str = "",
    zone: str = "",
    interview: Which = None,
) -> None:
    """Change the day, the start time or the place of an interview. What is planned follows at once.

    Parameters
    ----------
    date
        The new day, like 2026-12-04.
    time
        When it starts, like 14:00; left out, it stays as it was. `unknown` takes it back.
    zone
        Where it takes place, like America/New_York; left out, it stays as it was.
    """
    day = read_day(date, "--date")
    start = read_time(time, "--time") if time not in ("", "unknown") else None
    with opened() as application:
        with changing(application, who) as (session, person):
            found = choose_interview(person, interview, with_canceled=True)
            start = found.start_time if time == "" else start
            moved = move_interview(
                session,
                found,
                held_on=day,
                start_time=start,
                zone=zone or found.zone,
                now=application.clock(),
            )
            words = f"Interview {found.id} is on {appointment(found)}" + ("." if moved else ", as before.")
        tell(application, person.id, words)


@app.command
def cancel(who: Who, /, *, interview: Which = None) -> None:
    """The interview will not take place: one email says so, nothing else follows."""
    with opened() as application:
        with changing(application, who) as (session, person):
            found = choose_interview(person, interview)
            cancel_interview(session, found, now=application.clock())
            words = f"Interview {found.id} ({appointment(found)}) is canceled."
        tell(application, person.id, words)


@app.command
def outcome(
    who: Who, what: Literal["offer", "rejected", "next_round"], /, *, interview: Which = None
) -> None:
    """Write down what came of an interview: the nudges stop and the outcome's own email follows."""
    with opened() as application:
        with changing(application, who) as (session, person):
            found = choose_interview(person, interview)
            tell_the_outcome(session, found, Outcome(what), now=application.clock())
            words = f"Interview {found.id} ({appointment(found)}): {what.replace('_', ' ')}."
        tell(application, person.id, words)


@app.command
def unsubscribe(who: Who, /) -> None:
    """Nothing more leaves to this person. Coming back is theirs to do, by signing up again."""
    with opened() as application, changing(application, who) as (session, person):
        new = unsubscribe_person(session, person, now=application.clock())
    say("Unsubscribed; nothing more leaves to them." if new else "They were not being written to already.")


def _refuse_suppressed(session: Session, application: Application, address: str) -> None:
    found = find_suppression(session, address_hmac(address, application.hmac_key))
    if found is not None:
        raise BadInput(
            f"this address must not be written to ({found.reason} on {found.created_at:%Y-%m-%d}); "
            "they can sign up again themselves, or see `runup suppressions lift --help`"
        )
