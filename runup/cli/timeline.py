"""`runup campaigns timeline`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from campaigns.facts import Passage, Person
from campaigns.planning import PlannedSend, Situation, plan
from campaigns.reasons import PLAIN_WORDS
from campaigns.sequence import Sequence
from runup.application import system_clock
from runup.cli.people import read_day, read_time
from runup.cli.shelf import catalog_of, known_key
from runup.cli.terminal import print_json, say
from runup.settings import Settings
from subscribers.wall_time import local, parse_zone


def timeline(
    campaign: Annotated[
        str, Parameter(name="CAMPAIGN", help="Its key; the one of the settings if left out.")
    ] = "",
    /,
    *,
    days_before: Annotated[float, Parameter(name="--signed-up")] = 10,
    date: str = "",
    time: str = "14:00",
    zone: str = "Europe/Berlin",
    mode: Literal["onsite", "video", "phone", "unknown"] = "unknown",
    json: bool = False,
) -> None:
    """Who gets what when, as a picture: every email of the campaign around one interview.

    Parameters
    ----------
    days_before
        How many days before the start somebody signs up; 0.5 is twelve hours.
    date
        The day of the interview; three weeks from today if left out.
    time
        When it starts; `unknown` if nobody knows.
    zone
        Where it takes place and the person lives.
    json
        Print JSON: step, title, at, day, reason, why.
    """
    settings = Settings.load()
    key = known_key(settings, campaign)
    now = system_clock()
    passage = Passage(
        id=1,
        campaign=key,
        held_on=read_day(date, "--date") if date else (now + timedelta(days=21)).date(),
        start_time=None if time == "unknown" else read_time(time, "--time"),
        zone=parse_zone(zone),
        mode=mode,
        requested_at=now,
    )
    joined_at = passage.starts_at - timedelta(days=days_before)
    sends = planned(catalog_of(settings).sequence(key), passage, zone=zone, joined_at=joined_at)
    rows = [_row(send, passage, zone) for send in sends]
    if json:
        print_json(rows)
    else:
        _draw(rows, passage, joined_at, zone)


def planned(sequence: Sequence, passage: Passage, *, zone: str, joined_at: datetime) -> list[PlannedSend]:
    """What a person gets who signs up and confirms at `joined_at`."""
    joined = replace(passage, requested_at=joined_at, confirmed_at=joined_at)
    situation = Situation(
        sequences={sequence.key: sequence}, person=Person(id=1, home_zone=zone), passages=[joined]
    )
    return plan(situation, now=joined_at.astimezone(UTC))


def _row(send: PlannedSend, passage: Passage, zone: str) -> dict[str, Any]:
    at = local(send.due_at, zone) if send.due_at else None
    return {
        "step": send.step,
        "title": send.title,
        "at": at,
        "day": (at.date() - passage.held_on).days if at else None,
        "reason": send.reason.value if send.reason else None,
        "why": PLAIN_WORDS[send.reason] if send.reason else "",
        "merged": list(send.merged),
    }


def _draw(rows: list[dict[str, Any]], passage: Passage, joined_at: datetime, zone: str) -> None:
    start = local(passage.starts_at, zone)
    marks = [(local(joined_at, zone), "◆", "signs up and confirms"), (start, "★", "the interview")]
    marks += [(row["at"], "●", f"{row['step']:<13} {row['title']}") for row in rows if row["at"]]
    last_day = None
    for at, sign, words in sorted(marks, key=lambda mark: mark[0]):
        day = (at.date() - start.date()).days
        label = "" if day == last_day else f"T{day:+d}" if day else "T"
        gap = last_day is not None and day - last_day > 1
        if gap:
            say("        │")
        say(f"{label:>6}  {sign}  {at:%a %d %b %H:%M}  {words}")
        last_day = day
    left_out = [row for row in rows if not row["at"]]
    if left_out:
        say("", "Not sent:")
    for row in left_out:
        say(f"        ○  {row['step']:<13} {row['why']}")
