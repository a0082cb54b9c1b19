"""A reader without an interview: through the form, the mailbox, an issue, and out with one click."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from journey import Inhabitant, Town
from letters import scheduled

from runup.lists_file import read_lists


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough for the doors; what they do is asked of both in the rooms."""
    return sqlite_url


@dataclass
class Office:
    """What an operator needs of the town to send an issue."""

    town: Town

    @property
    def now(self) -> datetime:
        return self.town.now

    @property
    def database(self) -> Any:
        return self.town.stage.application.database

    def write(self) -> Any:
        return self.database.write()


def ask(kiri: Inhabitant, **fields: str) -> None:
    page = kiri.visitor.open(f"{kiri.town.site}/newsletter")
    kiri.town.stage.clock.advance_to(kiri.town.now + timedelta(seconds=40))
    answer = kiri.visitor.submit(
        page, "/newsletter", {"email": kiri.address, "home_zone": kiri.zone} | fields
    )
    assert answer.url.endswith("/newsletter/check-your-inbox")
    kiri.town.stage.worker.tick()


def say_yes(kiri: Inhabitant) -> str:
    link = kiri.link("join")
    return kiri.visitor.submit(kiri.visitor.open(link), link.rpartition("/")[2], {}).html


def wait(town: Town, **span: float) -> None:
    town.go_to(town.now + timedelta(**span))


def test_kiri_asks_says_yes_reads_an_issue_and_leaves_with_one_click(town: Town) -> None:
    kiri, sam = town.person("Kiri", "Pacific/Kiritimati"), town.person("Sam", "America/St_Johns")
    (letter,) = read_lists(town.stage.application.settings.home)
    for person in (kiri, sam):
        ask(person, **{f"list-{letter.key}": "yes"})
    assert "Confirmed" in say_yes(kiri)
    office: Any = Office(town)
    scheduled(office, "first", list_key=letter.key)
    wait(town, minutes=1)
    wait(town, minutes=1)
    assert kiri.steps == ["join", "issue"]
    archive = kiri.visitor.open(f"{town.site}/newsletter/archive").html
    assert "One thing to try" in archive
    leave = re.search(r"https?://\S+/leave/[^\s]+", kiri.emails[-1].text)
    assert leave
    town.stage.clock.advance_to(town.now + timedelta(minutes=1))
    kiri.visitor.submit(kiri.visitor.open(leave[0]), leave[0].rpartition("/")[2], {})
    ask(kiri, **{f"list-{letter.key}": "yes"})  # and asks anew, without a yes
    wait(town, days=1)
    with pytest.raises(ValueError, match="nobody is on the list"):
        scheduled(office, "second", list_key=letter.key)
    wait(town, days=3)
    assert "issue" not in sam.steps
    assert kiri.steps.count("issue") == 1
