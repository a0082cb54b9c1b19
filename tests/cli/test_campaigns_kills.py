"""`campaigns apply` is killed while it plans everybody again: a worker goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert, select
from terminals import PROGRAM, Terminal

from campaigns import Campaign, Enrollment
from runup.application import Application
from runup.settings import Settings
from scheduler import Send
from scheduler.superseded import how_many
from subscribers import Interview, Subscriber

KEY = "course"
PEOPLE = 200


def test_a_killed_apply_is_gone_on_with_by_a_worker(runup: Terminal) -> None:
    runup.ok("campaigns", "new", KEY)
    settings = runup.folder / "runup.toml"
    settings.write_text(f'{settings.read_text()}\ncampaign = "{KEY}"\n')
    application = Application.open(Settings.load())
    worker = application.worker()
    fill(application)
    worker.tick()
    timetable = runup.folder / "templates" / KEY / "sequence.toml"
    timetable.write_text(timetable.read_text().replace("time     = 16:00:00", "time     = 17:30:00"))

    words = [PROGRAM, "campaigns", "apply", "--most", str(PEOPLE)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    apply = subprocess.Popen(words, cwd=runup.folder, **quiet)
    while behind(application) in (0, PEOPLE):
        assert apply.poll() is None, "it was done before anybody could kill it"
        time.sleep(0.01)  # the other process's turn, not a guess at its time
    os.kill(apply.pid, signal.SIGKILL)
    apply.wait()

    left = behind(application)
    assert 0 < left < PEOPLE
    assert worker.tick().planned_again == left
    assert behind(application) == 0
    with application.database.read() as session:
        assert session.get_one(Campaign, KEY).number == 2
        eves = session.scalars(select(Send.local_at).where(Send.step == "eve", Send.state == "planned")).all()
    assert {moment[11:13] for moment in eves} == {"17"}
    worker.close()
    application.close()


def behind(application: Application) -> int:
    with application.database.read() as session:
        return how_many(session, KEY, number=session.get_one(Campaign, KEY).number)


def fill(application: Application) -> None:
    """Many people, three weeks before their day."""
    told = datetime.now(UTC) - timedelta(days=4)
    common = {"created_at": told, "confirmed_at": told}
    day = {"held_on": date.today() + timedelta(days=20), "mode": "video"}  # noqa: DTZ011
    numbers = range(1, PEOPLE + 1)
    with application.database.write() as session:
        session.execute(insert(Campaign), [{"key": KEY, "state": "running", "created_at": told}])
        session.execute(insert(Subscriber), [
            {"id": n, "address": f"p{n}@example.com", "address_hmac": f"{n:064x}", **common,
             "home_zone": "Europe/Berlin", "epoch": 0, "planned_epoch": -1} for n in numbers
        ])  # fmt: skip
        session.execute(insert(Interview), [
            {"id": n, "subscriber_id": n, "campaign": KEY, "zone": "Europe/Berlin", "requested_at": told,
             **common, **day} for n in numbers
        ])  # fmt: skip
        session.execute(insert(Enrollment), [
            {"id": n, "subscriber_id": n, "interview_id": n, "campaign": KEY, "enrolled_at": told}
            for n in numbers
        ])  # fmt: skip
