"""Disks without room: what fills them, what the site is asked then, and one of our own if we may mount it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from runup.application import Application
from runup.database.space import MB, Space, is_full
from scheduler import reconcile
from subscribers import SignUp, Subscriber, address_hmac, is_suppressed, sign_up

BY_PROGRAM = {
    "email": "kiri@example.com",
    "interview_date": "2026-12-04",
    "home_zone": "Pacific/Kiritimati",
    "consent": True,
}


def integrity(application: Application) -> str:
    with application.database.read() as session:
        return str(session.scalar(text("PRAGMA integrity_check")))


def people(application: Application) -> int:
    with application.database.read() as session:
        return len(session.scalars(select(Subscriber.id)).all())


def has_left(application: Application, address: str = "ana@example.com") -> bool:
    with application.database.read() as session:
        return is_suppressed(session, address_hmac(address, application.hmac_key))


def write_somebody(application: Application, name: str) -> None:
    with application.database.write() as session:
        now, key = application.clock(), application.hmac_key
        form = SignUp.parse(BY_PROGRAM | {"email": f"{name}@example.com", "consent": "yes"}, now=now)
        interview = sign_up(session, form, campaign="second_interview", hmac_key=key, now=now, source="form")
        reconcile(session, interview.subscriber_id, catalog=application.catalog, now=now)


def fill(application: Application) -> int:
    """People until not one more fits; returns how many did."""
    for number in range(5_000):
        try:
            write_somebody(application, f"person{number}")
        except OperationalError as error:
            if not is_full(error.orig):
                raise
            return number
    raise AssertionError("there is no end to this disk")


def asked_to_come_again(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and int(answer.headers["retry-after"]) >= 60


def fill_with_a_film(space: Space) -> Path:
    """Somebody else's file, as large as there is room."""
    path = space.file.with_name("somebody's film")
    with path.open("wb", buffering=0) as film:
        while space.free:
            film.write(bytes(min(space.free, MB)))
    return path


def mount(folder: Path) -> bool:
    """Put a disk of 40 MB there, if we may."""
    command = ["mount", "-t", "tmpfs", "-o", "size=40m,mode=700", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def may_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        return mount(Path(folder)) and not subprocess.run(["umount", folder], check=False).returncode
