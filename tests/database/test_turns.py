"""Writers of one process take turns, so that nobody is overtaken for ever."""

from __future__ import annotations

import threading

from runup.database import Database
from runup.database.turns import Turns


def in_a_row(turns: Turns, first_done: threading.Event, order: list[int], number: int) -> threading.Thread:
    def wait() -> None:
        with turns.take(within=30):
            order.append(number)

    thread = threading.Thread(target=wait)
    thread.start()
    while len(turns._waiting) <= number:  # until it stands in the row
        assert not first_done.is_set()
    return thread


def test_the_turn_goes_to_whoever_has_waited_longest() -> None:
    turns, done, order = Turns(), threading.Event(), list[int]()
    with turns.take(within=30):
        threads = [in_a_row(turns, done, order, number) for number in range(5)]
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]


def test_whose_turn_does_not_come_goes_on_without_and_takes_nobody_s() -> None:
    turns, order = Turns(), list[str]()
    with turns.take(within=30):
        with turns.take(within=0.01):
            order.append("without")
        assert list(turns._waiting) == []
    with turns.take(within=0):
        order.append("with")
    assert order == ["without", "with"]


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns()
    try:
        with turns.take(within=30):
            raise ValueError
    except ValueError:
        pass
    with turns.take(within=0):
        assert turns._is_taken
    assert not turns._is_taken


def test_forty_writers_of_one_process_all_get_to_write(database: Database) -> None:
    """More than the pool has connections: they wait in the row, and none for a connection."""
    from sqlalchemy import text

    with database.write() as session:
        session.execute(text("CREATE TABLE visit (number INTEGER)"))
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for _ in range(5):
                with database.write() as session:
                    session.execute(text("INSERT INTO visit VALUES (:number)"), {"number": number})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM visit")) == 200
