"""A town: the real site over HTTP, the real worker, a real mailbox, and a clock that is moved by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from delivery.inbox import StoredEmail, read_outbox
from runup.cli import main
from runup.demo.stage import Stage, stage
from runup.demo.visitor import Page, Visitor
from scheduler import Send

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = date(2026, 12, 4)


@dataclass
class Inhabitant:
    """Somebody with a browser and a mailbox."""

    town: Town
    name: str
    zone: str
    visitor: Visitor = field(default_factory=Visitor)
    plan_url: str = ""

    @property
    def address(self) -> str:
        return f"{self.name.lower()}@example.com"

    def sign_up(self, day: date, at: str = "14:00", **more: str) -> None:
        form = {"email": self.address, "first_name": self.name, "home_zone": self.zone, "consent": "yes"}
        form |= {"interview_date": day.isoformat(), "interview_time": at, **more}
        landing = self.visitor.open(f"{self.town.site}/")
        # Nobody fills in a form in no time, and the site takes none that was.
        self.town.stage.clock.advance_to(self.town.now + timedelta(seconds=40))
        page = self.visitor.submit(landing, "/sign-up", form)
        assert page.url.endswith("/check-your-inbox")
        self.town.stage.worker.tick()

    def confirm(self) -> None:
        """Through the newest confirmation in the mailbox."""
        self.town.stage.clock.advance_to(self.town.now + timedelta(minutes=2))
        link = self.link("confirm")
        page = self.visitor.submit(self.visitor.open(link), link.rpartition("/")[2], {})
        assert "/plan/" in page.url
        self.plan_url = page.url.partition("?")[0]
        self.town.stage.worker.tick()

    def join(self, day: date, at: str = "14:00", **more: str) -> None:
        self.sign_up(day, at, **more)
        self.confirm()

    def change(self, action: str, **values: str) -> Page:
        """Send one of the forms of the plan page."""
        page = self.visitor.open(f"{self.plan_url}/{action}")
        page = self.visitor.submit(page, f"/{action}", values)
        self.town.stage.worker.tick()
        return page

    def link(self, kind: str) -> str:
        """The newest link of that kind in the mailbox, as a person would find it."""
        for email in reversed(self.emails):
            if found := re.search(rf"{re.escape(self.town.site)}/{kind}/[^\s/]+", email.text):
                return found[0]
        raise AssertionError(f"{self.name} has no {kind} link")

    @property
    def emails(self) -> list[StoredEmail]:
        folder = self.town.stage.application.settings.outbox_folder
        return [email for email in read_outbox(folder) if email.recipient == self.address]

    @property
    def received(self) -> list[str]:
        """What lies in the mailbox: `step Fri 07:00`, on the person's own clock, with the jitter left out."""
        return [f"{self._step(e)} {self._at(e)}" for e in self.emails]

    @property
    def steps(self) -> list[str]:
        return [self._step(email) for email in self.emails]

    def _step(self, email: StoredEmail) -> str:
        return self.town.step_of(email.reference)

    def _at(self, email: StoredEmail) -> str:
        here = email.date.astimezone(ZoneInfo(self.zone))
        return (here - timedelta(minutes=here.minute % 30)).strftime("%a %d %H:%M")

    def explain(self) -> dict[str, str]:
        """step -> reason of everything that was left out, as the operator is told; the reminder apart, which
        everybody is spared who confirms within a day."""
        told = self.town.run("explain", self.address, "--json")
        left_out = {line["step"]: line["reason"] for line in told if line["kind"] == "left_out"}
        assert left_out.pop("confirm_again", "condition_false") == "condition_false"
        return left_out


@dataclass
class Town:
    stage: Stage
    output: Callable[[], Any]

    @property
    def site(self) -> str:
        return self.stage.site

    @property
    def now(self) -> datetime:
        return self.stage.clock()

    def person(self, name: str, zone: str) -> Inhabitant:
        return Inhabitant(self, name, zone)

    def go_to(self, moment: datetime) -> None:
        """Let time pass with the worker at work: it wakes at every moment something is due."""
        moment = moment.astimezone(UTC)
        worker, blocked = self.stage.worker, timedelta(minutes=10)
        while (due := worker.next_due()) is not None and due <= moment and self.now < moment:
            # What is due and may not leave (a pause) does not end the waiting for the rest.
            self.stage.clock.advance_to(due if due > self.now else min(self.now + blocked, moment))
            worker.tick()
        self.stage.clock.advance_to(moment)
        worker.tick()

    def stand_still_until(self, moment: datetime) -> None:
        """An outage: time passes and nobody works."""
        self.stage.clock.advance_to(moment.astimezone(UTC))

    def run(self, *command: str, code: int = 0) -> Any:
        """A command of the operator, in the workspace, at this moment; parses what --json prints."""
        self.output()  # what the site has said until now
        with chdir(self.stage.application.settings.home), time_machine.travel(self.now, tick=False):
            assert main(list(command)) == code
        printed = self.output().out
        return json.loads(printed) if "--json" in command else printed

    def step_of(self, reference: str) -> str:
        with self.stage.application.database.read() as session:
            return session.scalars(select(Send.step).where(Send.reference == reference)).one()


@pytest.fixture
def town(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Town]:
    """The interview is on Friday 4 December 2026; the town wakes eleven days before, on Monday 09:00."""
    monkeypatch.setenv("RUNUP_DATABASE", database_url)
    home = tmp_path / "town"
    home.mkdir()
    with stage(home, start=berlin(-11, 9), database=database_url) as set_up:
        yield Town(set_up, capsys.readouterr)


def berlin(days: int, hour: int, minute: int = 0) -> datetime:
    """So many days from the Friday of the interview, on Berlin's clock."""
    return datetime.combine(FRIDAY + timedelta(days=days), time(hour, minute), tzinfo=BERLIN)
