"""`runup simulate`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from delivery.provider import Provider
from delivery.providers import OutboxConfig, open_provider
from runup.application import brand_of, system_clock
from runup.cli.errors import BadInput
from runup.cli.life import read_acts, read_moment
from runup.cli.people import read_day, read_time
from runup.cli.shelf import catalog_of, known_key
from runup.cli.simulated import tell_crowd, tell_one
from runup.cli.terminal import progress
from runup.crowd import Course, Result, run, run_one_by_one
from runup.population import population
from runup.providing import sender_of
from runup.settings import Settings
from runup.simulation import Act, Life, Outage
from scheduler import Composer
from subscribers import Links, Mode, SignUp, parse_zone
from subscribers.interview import start_of

AFTERWARDS = timedelta(days=60)
"""How long we watch after the last interview: the farewell comes four weeks after it."""
PER_PROCESS = 400
"""People for whom a process of their own is worth its beginning."""
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
    """Run people through a campaign on a virtual clock. Nothing leaves this machine and nothing is kept.

    The planner and the rules are the workers' own; the provider takes everything at once.

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
        Print JSON: people, sends, left, when, not_sent, open, latest_seconds, busiest_at, busiest, stops,
        written, broken; for one person also emails.
    """
    if people < 1:
        raise BadInput("--people: must be 1 or more")
    settings = Settings.load()
    key = known_key(settings, campaign)
    away = [_outage(value) for value in outage or []]
    if people > 1:
        _refuse_own_life(move=move, cancel=cancel, outcome=outcome, unsubscribe=unsubscribe, date=date)
        lives = list(population(people, start=_today(), seed=seed))
        course = _course(settings, key, lives, away)
        tell_crowd(_crowd(course, lives, provider=_kept_in(emails)), course, as_json=json)
        return
    person = _person(date, time, zone, interview_zone, mode, signed_up=signed_up)
    acts = read_acts(zone, move=move or [], cancel=cancel, outcome=outcome or [], unsubscribe=unsubscribe)
    life = replace(person, acts=_after(person.joins_at, acts))
    tell_one(_course(settings, key, [life], away), life, provider=_kept_in(emails), as_json=json)


def _refuse_own_life(**options: object) -> None:
    given = next((name for name, value in options.items() if value), None)
    if given:
        raise BadInput(f"--{given} is one person's; a crowd of --people lives lives of its own")


def _course(settings: Settings, key: str, lives: Iterable[Life], outages: Iterable[Outage]) -> Course:
    catalog = catalog_of(settings)
    # Links that nobody can use: none of these people exists.
    links = Links(("simulated" * 4,), str(settings.base_url).rstrip("/"))
    return Course(
        sequence=catalog.sequence(key),
        composer=Composer(catalog=catalog, links=links, brand=brand_of(settings), sender=sender_of(settings)),
        until=max(_starts_at(life) for life in lives) + AFTERWARDS,
        outages=tuple(outages),
    )


def _crowd(course: Course, lives: list[Life], *, provider: Provider | None) -> Result:
    if provider is not None:
        return run_one_by_one(course, lives, provider)
    processes = min(_cores(), len(lives) // PER_PROCESS)
    return run(
        replace(course, processes=processes),
        lives,
        bar=lambda: progress("Simulating", len(lives), unit="people"),
    )


def _cores() -> int:
    """Those we may use; not every system says that."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
