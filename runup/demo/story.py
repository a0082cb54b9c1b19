from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from delivery.inbox import read_outbox
from runup.demo.stage import Stage
from runup.demo.visitor import Visitor
from subscribers.wall_time import local, resolve

LASTS = timedelta(weeks=6)


@dataclass
class Actor:
    """A person of the demo and what they type."""

    name: str
    zone: str
    about: str
    told: dict[str, str]
    when: dict[str, str]
    visitor: Visitor = field(default_factory=Visitor)
    plan_url: str = ""

    @property
    def address(self) -> str:
        return f"{self.name.lower()}@example.com"

    @property
    def form(self) -> dict[str, str]:
        """What goes into the sign-up form."""
        person = {"email": self.address, "first_name": self.name, "home_zone": self.zone, "consent": "yes"}
        return {**person, **self.when, **self.told}


@dataclass(frozen=True)
class Act:
    """Something a person does at a moment, through the site like anybody."""

    at: datetime
    actor: Actor
    words: str
    do: Callable[[Stage, Actor], None]


def opening(today: date) -> datetime:
    """When the story begins: ten days before a Friday, in the morning in Berlin."""
    friday = today + timedelta(days=(4 - today.weekday()) % 7 + 14)
    return resolve(friday - timedelta(days=10), time(8, 55), "Europe/Berlin")


def acts(start: datetime) -> list[Act]:
    """Ana has time. Kiri joins three days before. Sam's interview is in London, moves, and ends well."""
    friday = local(start, "Europe/Berlin").date() + timedelta(days=10)
    ana = Actor(
        "Ana",
        "Europe/Berlin",
        "has ten days, on site in Berlin",
        {"mode": "onsite", "interviewers": "new", "format": "panel", "country": "DE"},
        _when(friday, "14:00"),
    )
    kiri = Actor(
        "Kiri",
        "Pacific/Kiritimati",
        "joins three days before, by phone",
        {"mode": "phone", "interviewers": "same"},
        _when(friday, "14:00"),
    )
    sam = Actor(
        "Sam",
        "America/St_Johns",
        "talks to London by video; the date moves; an offer comes",
        {"mode": "video", "format": "case", "country": "CA", "interview_zone": "Europe/London"},
        _when(friday, "15:00"),
    )
    moved_to = friday + timedelta(days=3)

    return sorted(
        [
            Act(_at(friday, -10, 9, ana), ana, "signs up", _sign_up),
            Act(_at(friday, -10, 9, sam), sam, "signs up", _sign_up),
            Act(_at(friday, -3, 8, kiri), kiri, "signs up", _sign_up),
            Act(_at(friday, -3, 12, sam), sam, f"changes the date to {moved_to:%A %-d %B}", _move(moved_to)),
            Act(
                _at(friday, 3, 12, ana), ana, "says by when they decide", _decide(friday + timedelta(days=11))
            ),
            Act(_at(friday, 5, 18, kiri), kiri, "tells there is a next round", _outcome("next_round")),
            Act(_at(moved_to, 5, 11, sam), sam, "tells there is an offer", _outcome("offer")),
        ],
        key=lambda act: act.at,
    )


def play(stage: Stage, story: list[Act]) -> Iterator[Act | datetime]:
    """Let six weeks pass: yields each act as it happens, and each moment at which the worker had work."""
    end = stage.clock() + LASTS
    waiting = list(story)
    while True:
        due = stage.worker.next_due()
        if waiting and (due is None or waiting[0].at <= due):
            act = waiting.pop(0)
            stage.clock.advance_to(act.at)
            act.do(stage, act.actor)
            yield act
        elif due is not None and due <= end:
            stage.clock.advance_to(max(due, stage.clock() + timedelta(seconds=1)))
            yield stage.clock()
        else:
            return
        stage.worker.tick()


def _when(day: date, at: str) -> dict[str, str]:
    return {"interview_date": day.isoformat(), "interview_time": at}


def _at(day: date, days: int, hour: int, actor: Actor) -> datetime:
    return resolve(day + timedelta(days=days), time(hour), actor.zone)


def _sign_up(stage: Stage, actor: Actor) -> None:
    landing = actor.visitor.open(f"{stage.site}/")
    # Nobody fills in a form in no time, and the site takes none that was.
    stage.clock.advance_to(stage.clock() + timedelta(seconds=40))
    actor.visitor.submit(landing, "/sign-up", actor.form)
    stage.worker.tick()
    stage.clock.advance_to(stage.clock() + timedelta(minutes=2))
    link = _confirm_link(stage, actor)
    page = actor.visitor.submit(actor.visitor.open(link), link.rpartition("/")[2], {})
    actor.plan_url = page.url.partition("?")[0]


def _confirm_link(stage: Stage, actor: Actor) -> str:
    """From the inbox, like anybody: the link in the confirmation email."""
    for email in read_outbox(stage.application.settings.outbox_folder):
        found = re.search(rf"{re.escape(stage.site)}/confirm/\S+", email.text)
        if email.recipient == actor.address and found:
            return found[0]
    raise RuntimeError(f"no confirmation reached {actor.name}")


def _change(action: str, values: dict[str, str]) -> Callable[[Stage, Actor], None]:
    """On the plan page, through the form of that name."""

    def do(_stage: Stage, actor: Actor) -> None:
        page = actor.visitor.open(f"{actor.plan_url}/{action}")
        actor.visitor.submit(page, f"/{action}", values)

    return do


def _move(day: date) -> Callable[[Stage, Actor], None]:
    return _change("move", {"interview_date": day.isoformat()})


def _outcome(outcome: str) -> Callable[[Stage, Actor], None]:
    return _change("outcome", {"outcome": outcome})


def _decide(day: date) -> Callable[[Stage, Actor], None]:
    return _change("decision", {"decision_on": day.isoformat()})
