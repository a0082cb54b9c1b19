"""A full disk and a damaged file: nobody is told "done" who is not, and those who want to leave can."""

from __future__ import annotations

import sqlite3

from full_disks import BY_PROGRAM, asked_to_come_again, fill, has_left, integrity, people
from sqlalchemy import event, text

from runup.database.space import MB
from subscribers import Purpose


def test_little_room_is_kept_for_those_who_leave(visitor, clock) -> None:
    person = visitor.confirmed().subscriber
    space = visitor.application.database.space
    space.least = space.free + 100 * MB
    page = visitor.sign_up(email="kiri@example.com")
    assert asked_to_come_again(page)
    assert "Please try again" in page.text
    program = visitor.http.post("/api/sign-ups", json=BY_PROGRAM)
    assert asked_to_come_again(program)
    assert program.headers["content-type"] == "application/problem+json"
    assert people(visitor.application) == 1
    assert visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, person.id)).status_code == 200
    assert has_left(visitor.application)
    space.least = 0
    assert visitor.sign_up(email="kiri@example.com").status_code == 303, "without a restart"


def test_a_database_that_may_not_grow_takes_no_sign_up_and_no_harm(visitor) -> None:
    person = visitor.confirmed().subscriber
    application, limit = visitor.application, {"pages": 1 << 30}

    @event.listens_for(application.database.engine, "checkout")
    def keep_to_it(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={limit['pages']}").close()

    with application.database.read() as session:
        limit["pages"] = session.scalar(text("PRAGMA page_count"))
    fill(application)
    before = people(application)
    assert asked_to_come_again(visitor.sign_up(email="somebody.else@example.com"))
    assert asked_to_come_again(visitor.http.post("/api/sign-ups", json=BY_PROGRAM))
    assert people(application) == before
    left = visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, person.id))
    assert has_left(visitor.application) is (left.status_code == 200), "no false done"
    assert left.status_code == 200 or asked_to_come_again(left)
    assert integrity(application) == "ok"
    limit["pages"] = 1 << 30
    assert visitor.sign_up(email="somebody.else@example.com").status_code == 303
    assert visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, person.id)).status_code == 200
    assert has_left(visitor.application)
    assert integrity(application) == "ok"


def test_a_damaged_file_says_neither_done_nor_what_is_in_it(visitor) -> None:
    person = visitor.confirmed().subscriber
    file = visitor.application.database.file
    visitor.application.database.close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'suppression'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with file.open("r+b") as bytes_:
        bytes_.seek((page - 1) * size)
        bytes_.write(b"\xa5" * size)
    left = visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, person.id))
    assert asked_to_come_again(left)
    assert "malformed" not in left.text
    assert file.exists(), "nothing is deleted"
