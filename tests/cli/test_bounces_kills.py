"""kill -9 while the bounce mailbox is read: nothing is lost, nothing counts twice."""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select
from terminals import PROGRAM, Terminal, add_ana

from delivery.records import DeliveryRecord, counts
from runup.application import Application
from runup.settings import Settings
from scheduler import Send

MESSAGES = 120
KILLS = 2


def test_a_reader_killed_again_and_again_keeps_every_bounce_once(
    either: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_ana(either)
    folder = tmp_path / "bounces"
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    monkeypatch.setenv("RUNUP_BOUNCE_MAILBOX", f"maildir:{folder}")
    reference = reference_of_the_welcome()
    for number in range(MESSAGES):
        (folder / "new" / f"{number:05}.m").write_bytes(delay(reference, number))
    dice = random.Random(7)
    for kill in range(1, KILLS + 1):
        kill_when(folder, left=MESSAGES - kill * MESSAGES // (KILLS + 2) - dice.randrange(10))
    assert len(list((folder / "new").iterdir())) > 0, "killed while there was something left"
    either.ok("bounces", "read")
    assert list((folder / "new").iterdir()) == []
    assert len(list((folder / ".handled" / "cur").iterdir())) == MESSAGES
    assert recorded() == (MESSAGES, MESSAGES)


def kill_when(folder: Path, *, left: int) -> None:
    """Start a reader, and kill it once no more than `left` messages are new."""
    reader = subprocess.Popen([PROGRAM, "bounces", "read"], cwd=Path.cwd(), env=os.environ, stdout=-3)
    end = time.monotonic() + 60
    while len(os.listdir(folder / "new")) > left:  # noqa: PTH208 - as fast as can be
        assert reader.poll() is None
        assert time.monotonic() < end
    reader.kill()
    reader.wait(10)


def delay(reference: str, number: int) -> bytes:
    return f"""From: MAILER-DAEMON@mail.runup.example.com
To: bounces@runup.example.com
Message-ID: <{number}@mail.runup.example.com>
Content-Type: message/delivery-status

Original-Envelope-Id: {reference}.1
Reporting-MTA: dns; mail.runup.example.com

Final-Recipient: rfc822; ana@example.com
Action: delayed
Status: 4.4.1
""".encode()


def reference_of_the_welcome() -> str:
    application = Application.open(Settings.load())
    worker = application.worker()
    worker.tick()
    worker.close()
    with application.database.read() as session:
        reference = session.scalars(select(Send.reference).where(Send.step == "welcome")).one()
    application.close()
    return reference


def recorded() -> tuple[int, int]:
    """Records there are, and events that were counted."""
    application = Application.open(Settings.load())
    with application.database.read() as session:
        kept = session.scalar(select(func.count()).select_from(DeliveryRecord)) or 0
        told = sum(found.total for found in counts(session) if found.what == "event")
    application.close()
    return kept, told
