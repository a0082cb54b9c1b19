"""An operator's first day: from an empty folder to people on a campaign, a change published while they are on
it, and a newsletter that every reader has got once.

The commands are those of docs/tutorial/first-day.md, the worker is a process of its own, SendGrid is a fake
on a socket whose own log says who got what. The long form:

    RUNUP_FIRST_DAY_READERS=100000 pytest -rP tests/journeys/test_first_day.py
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from threading import Event

import pytest
from sendgrid_fake import SendGridFake
from terminals import PROGRAM, Result, Terminal

READERS = int(os.environ.get("RUNUP_FIRST_DAY_READERS", "300"))
MOVERS = 12
ZONES = ("Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Asia/Tokyo")
SUBJECT = "Boxes, and what to put in them"
LATENCY = 0.05
"""Seconds until SendGrid answers."""


class Desk:
    """A terminal in an empty folder, by the machine's own clock as the worker has it."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._type = Terminal(folder, capture, clock=None)  # type: ignore[arg-type]

    def runup(self, *words: str) -> Result:
        return self._type.ok(*words)

    def write(self, name: str, lines: Iterator[str]) -> Path:
        file = self.folder / name
        file.write_text("\n".join(lines) + "\n", "utf-8")
        return file


@pytest.fixture
def sendgrid(tmp_path: Path) -> Iterator[SendGridFake]:
    with SendGridFake(latency=LATENCY, log=tmp_path / "accepted.jsonl") as fake:
        yield fake


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    sendgrid: SendGridFake, kept_words: Path,
) -> Desk:  # fmt: skip
    for name in [name for name in os.environ if name.startswith("RUNUP_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "RUNUP_PROVIDER": "sendgrid",
        "RUNUP_SENDGRID_API_KEY": "SG.first-day",
        "RUNUP_SENDGRID_HOST": sendgrid.url,
        "RUNUP_CAMPAIGN": "big_move",
        "RUNUP_CONCURRENCY": "128",
        "RUNUP_CACHE": str(kept_words),
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "moves"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Desk(folder, capsys)


@pytest.mark.timeout(120 + READERS // 20)
def test_from_an_empty_folder_to_a_newsletter_in_every_inbox(desk: Desk, sendgrid: SendGridFake) -> None:
    desk.runup("init", "--no-campaign")
    desk.runup("campaigns", "new", "big_move")
    desk.runup("campaigns", "check")

    people = desk.write("movers.csv", movers())
    desk.runup("subscribers", "import", str(people), "--confirmed")
    change_the_eve_of_everybody(desk)

    readers = desk.write("readers.csv", those_who_read())
    desk.runup("subscribers", "import", str(readers), "--confirmed")
    desk.runup("newsletters", "new", "boxes", "--subject", SUBJECT)
    desk.runup("newsletters", "check", "boxes")
    desk.runup("newsletters", "approve", "boxes", "--yes")
    desk.runup("newsletters", "schedule", "boxes", "--at", "now")
    let_it_leave(desk, sendgrid)

    copies = Counter(accept.to for accept in sendgrid.accepted if accept.subject == SUBJECT)
    assert copies == Counter(f"reader{number}@example.com" for number in range(READERS))
    assert all(count == 1 for count in Counter(accept.mid for accept in sendgrid.accepted).values())
    told = desk.runup("newsletters", "progress", "boxes", "--json").json
    assert (told["readers"], told["arrived"], told["waiting"]) == (READERS, READERS, 0), told
    took = sendgrid.accepted[-1].at - sendgrid.accepted[0].at
    print(f"{READERS:,} readers, each once: {took:.1f} s, {READERS / took:.0f} a second")  # noqa: T201 - the figure that the long form is for


def movers() -> Iterator[str]:
    day = date.today() + timedelta(days=25)  # noqa: DTZ011 - the worker's clock is the machine's, so is this
    yield "email,first_name,home_zone,interview_date,interview_time,consent_at,consent_proof"
    for number in range(MOVERS):
        zone = ZONES[number % len(ZONES)]
        yield f"mover{number}@example.com,Ana,{zone},{day},09:00,2026-11-01,paper form {number}"


def those_who_read() -> Iterator[str]:
    yield "email,first_name,home_zone,list,consent_at,consent_proof"
    for number in range(READERS):
        zone = ZONES[number % len(ZONES)]
        yield f"reader{number}@example.com,Sam,{zone},newsletter,2026-11-02,paper form {number}"


def change_the_eve_of_everybody(desk: Desk) -> None:
    """Looked at, refused without the plan, applied with it: every eve of every mover is at six."""
    timetable = desk.folder / "templates" / "big_move" / "sequence.toml"
    timetable.write_text(timetable.read_text("utf-8").replace("16:00:00", "18:00:00"), "utf-8")
    plan = desk.runup("campaigns", "plan", "--json").json
    assert (plan["affected"], plan["moved"], plan["added"], plan["withdrawn"]) == (MOVERS, MOVERS, 0, 0)
    desk.runup("campaigns", "apply", "--most", "0", "--plan", plan["plan"], "--note", "After work")
    eves = desk.runup("sends", "list", "--step", "eve", "--json").json
    assert [eve["local_at"].split()[-1][:3] for eve in eves] == ["18:"] * MOVERS


def let_it_leave(desk: Desk, sendgrid: SendGridFake) -> None:
    """A worker until everything that is due has left; it ends as it is told."""
    worker = subprocess.Popen([PROGRAM, "work"], cwd=desk.folder, stderr=subprocess.DEVNULL)
    try:
        while len(sendgrid.accepted) < READERS + MOVERS:
            assert worker.poll() is None, "the worker ended by itself"
            Event().wait(0.05)  # for another process, which has no other way to tell
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
