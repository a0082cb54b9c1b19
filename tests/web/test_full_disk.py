"""A file system that is really full: those who want to leave can, and nothing is damaged."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import migrated_file
from full_disks import (
    BY_PROGRAM,
    asked_to_come_again,
    fill,
    fill_with_a_film,
    has_left,
    integrity,
    may_mount,
    mount,
)

from runup.application import Application
from runup.database.space import BALLAST, MB
from subscribers import Purpose

if may_mount():  # elsewhere the limit of pages in test_no_room.py has to do

    @pytest.fixture
    def small_disk(tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "disk"
        folder.mkdir()
        assert mount(folder)
        yield folder
        subprocess.run(["umount", "--lazy", folder], check=True)

    @pytest.fixture
    def application(small_disk: Path, open_application: Callable[..., Application]) -> Application:
        shutil.copy(migrated_file(), small_disk / "runup.db")
        opened = open_application(database=f"sqlite:///{small_disk / 'runup.db'}")
        assert opened.database.space
        opened.database.space.least = 0  # it has 40 MB in all
        return opened

    def test_on_a_full_disk_people_can_leave_and_be_forgotten(visitor) -> None:
        leaver = visitor.confirmed()
        sam = visitor.confirmed(email="sam@example.com", home_zone="America/St_Johns")
        space = visitor.application.database.space
        assert space.keep() == ""
        assert space.ballast.stat().st_size == BALLAST
        film = fill_with_a_film(space)
        assert fill(visitor.application) < 5_000
        assert not space.ballast.exists(), "thrown off"
        space.least = 20 * MB
        assert asked_to_come_again(visitor.sign_up(email="kiri@example.com"))
        assert asked_to_come_again(visitor.http.post("/api/sign-ups", json=BY_PROGRAM))
        assert visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, leaver.subscriber_id)).status_code == 200
        assert has_left(visitor.application)
        erased = visitor.send(visitor.path(Purpose.PLAN, sam.id, "delete"), {})
        assert erased.headers["location"] == "/deleted"
        assert integrity(visitor.application) == "ok"
        assert space.keep()
        film.unlink()
        assert space.keep() == ""
        assert space.ballast.stat().st_size == BALLAST, "made again"
        assert visitor.sign_up(email="kiri@example.com").status_code == 303, "without a restart"
        assert integrity(visitor.application) == "ok"

    def test_the_first_to_meet_the_full_disk_may_be_the_one_who_leaves(visitor) -> None:
        leaver = visitor.confirmed()
        database = visitor.application.database
        space = database.space
        space.keep()
        database.close()  # the log goes with the last connection, and needs room to be begun anew
        fill_with_a_film(space)
        assert visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, leaver.subscriber_id)).status_code == 200
        assert has_left(visitor.application)
        assert not space.ballast.exists()
