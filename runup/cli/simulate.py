"""`runup simulate`."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from delivery.provider import Provider
from delivery.providers import OutboxConfig, open_provider
from runup.application import system_clock
from runup.cli.errors import BadInput
from runup.cli.life import read_acts, read_moment
from runup.cli.people import read_day, read_time
from runup.cli.sending_words import SEND_COLUMNS, send_row
from runup.cli.shelf import known_key
from runup.cli.status import length
from runup.cli.terminal import print_json, progress, say, show
from runup.population import population
from runup.settings import Settings
from runup.simulation import Act, Life, Outage, Simulation, simulation
from runup.totals import Totals, totals
from scheduler import Line, outlook
from subscribers import Mode, SignUp, parse_zone
from subscribers.interview import start_of

AFTERWARDS = timedelta(days=60)
"""How long we watch after the last interview: the farewell comes four weeks after it."""
_TOTALS = {"step": "Step", "left": "Left", "not_sent": "Not sent", "why": "Why"}
Repeated = Annotated[list[str] | None, Parameter(consume_multiple=False)]


def simulate(
    campaign: Annotated[
        str, Parameter(name="CAMPAIGN", help="Its key; the one of the settings if left out.")
    ] = "",
    /,
    *,
    people: int = 1,
    signed_up: float = 10,
    date: str = "",
    time: str = "14:00",
    zone: str = "Europe/Berlin",
    interview_zone: str = "",
    mode: Literal["onsite", "video", "phone", "unknown"] = "unknown",
    move: Repeated = None,
    cancel: str = "",
    outcome: Repeated = None,
    unsubscribe: str = "",
    outage: Repeated = None,
    seed: int = 1,
    emails: Path | None = None,
    json: bool = False,
) -> None:
    """Run people through a campaign on a virtual clock, with the real worker. Nothing leaves this machine.

    Moments are days or wall times where the person lives: 2026-12-04T18:00, or 2026-12-04 for noon.

    Parameters
    ----------
    people
        1: the person of the options below. More: that many made-up people of every kind, and totals.
    signed_up
        How many days before the start they sign up; 0.5 is twelve hours.
    date
        The day of the interview; three weeks from today if left out.
    time
        When it starts; `unknown` if nobody knows.
    zone
        Where they live.
    interview_zone
        Where the interview is, if elsewhere.
    move
        WHEN=DAY: what they change the date to, and when; may be repeated.
    cancel
        When they cancel.
    outcome
        WHEN=OUTCOME: offer, rejected or next_round; may be repeated.
    unsubscribe
        When they unsubscribe.
    outage
        FROM..TO: when no worker runs, in UTC; may be repeated.
    seed
        Another seed, other made-up people.
    emails
        A folder for every email that would have left.
    json
        Print JSON: people, sends, left, not_sent, open, latest_seconds; for one person also emails.
    """
    if people < 1:
        raise BadInput("--people: must be 1 or more")
    settings = Settings.load()
    key = known_key(settings, campaign)
    if people == 1:
        person = _person(date, time, zone, interview_zone, mode, signed_up=signed_up)
        acts = read_acts(zone, move=move or [], cancel=cancel, outcome=outcome or [], unsubscribe=unsubscribe)
        lives = [replace(person, acts=_after(person.joins_at, acts))]
    else:
        lives = list(population(people, start=_today(), seed=seed))
    with simulation(
        settings,
        campaign=key,
        start=min(life.joins_at for life in lives),
        outages=[_outage(value) for value in outage or []],
        provider=_kept_in(emails),
    ) as ran:
        _watch(ran, lives)
        _tell(ran, key, as_json=json, is_one=people == 1)


def _person(date: str, time: str, zone: str, interview_zone: str, mode: str, *, signed_up: float) -> Life:
    form = SignUp(
        address="ana@example.com",
        first_name="Ana",
        held_on=read_day(date, "--date") if date else (system_clock() + timedelta(days=21)).date(),
        start_time=None if time == "unknown" else read_time(time, "--time"),
        zone=parse_zone(interview_zone or zone),
        home_zone=parse_zone(zone),
        mode=Mode(mode),
    )
    return Life(
        form=form, joins_at=start_of(form.held_on, form.start_time, form.zone) - timedelta(days=signed_up)
    )


def _after(joins_at: datetime, acts: tuple[tuple[datetime, Act], ...]) -> tuple[tuple[datetime, Act], ...]:
    for at, _ in acts:
        if at <= joins_at:
            raise BadInput(
                f"nobody can act at {at:%Y-%m-%d %H:%M}Z before they sign up ({joins_at:%Y-%m-%d %H:%M}Z)"
            )
    return acts


def _today() -> datetime:
    return system_clock().replace(hour=0, minute=0, second=0, microsecond=0)


def _starts_at(life: Life) -> datetime:
    return start_of(life.form.held_on, life.form.start_time, life.form.zone)


def _outage(value: str) -> Outage:
    begins, dots, ends = value.partition("..")
    if not dots:
        raise BadInput(f"--outage: {value[:40]!r} is no span; write it like 2026-12-01..2026-12-04")
    outage = Outage(read_moment(begins, "UTC", "--outage"), read_moment(ends, "UTC", "--outage"))
    if outage.ended_at <= outage.began_at:
        raise BadInput("--outage: it ends before it begins")
    return outage


def _kept_in(folder: Path | None) -> Provider | None:
    return open_provider(OutboxConfig(folder=folder)) if folder else None


def _watch(ran: Simulation, lives: list[Life]) -> None:
    """Let it run, with a bar in days of the virtual clock."""
    began = ran.clock()
    until = max(_starts_at(life) for life in lives) + AFTERWARDS
    with progress("Simulating", (until - began).days, unit="days") as advance:
        shown = 0
        for now in ran.run(lives, until=until):
            advance((now - began).days - shown)
            shown = (now - began).days


def _tell(ran: Simulation, key: str, *, as_json: bool, is_one: bool) -> None:
    steps = [step.key for step in ran.application.catalog.sequence(key).steps]
    with ran.application.database.read() as session:
        counted = totals(session, campaign=key, steps=steps)
        lines = outlook(session, ran.people[0], catalog=ran.application.catalog) if is_one else []
    if as_json:
        _print_as_json(counted, lines, is_one=is_one)
        return
    if is_one:
        show([send_row(line) for line in lines], SEND_COLUMNS, as_json=False, empty="nothing")
    else:
        show(_rows(counted), _TOTALS, as_json=False, empty="nothing")
    left = sum(counted.left.values())
    words = f"{left:,} left, {counted.open:,} still open"
    say("", f"People: {counted.people:,}. Planned sends: {counted.sends:,}; {words}.")
    say(f"The latest left {length(counted.latest)} after it was due.")


def _rows(counted: Totals) -> list[dict[str, Any]]:
    steps = dict.fromkeys([*counted.left, *counted.not_sent])
    return [
        {
            "step": step,
            "left": f"{counted.left.get(step, 0):,}",
            "not_sent": f"{sum(counted.not_sent.get(step, {}).values()):,}",
            "why": ", ".join(
                f"{number:,} {reason}" for reason, number in counted.not_sent.get(step, {}).items()
            ),
        }
        for step in steps
    ]


def _print_as_json(counted: Totals, lines: list[Line], *, is_one: bool) -> None:
    facts = asdict(counted) | {"latest_seconds": counted.latest.total_seconds()}
    del facts["latest"]
    print_json(facts | ({"emails": [asdict(line) for line in lines]} if is_one else {}))
