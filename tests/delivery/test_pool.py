"""When a kept connection is used again, and when it is not."""

from __future__ import annotations

from delivery.pool import Pool


class Line:
    def __init__(self, number: int) -> None:
        self.number = number
        self.is_open = True
        self.has_something_to_say = False

    def is_quiet(self) -> bool:
        return self.is_open and not self.has_something_to_say

    def close(self) -> None:
        self.is_open = False


class Exchange:
    """A pool of lines and the clock on its wall."""

    def __init__(self, *, size: int = 10) -> None:
        self.now = 1000.0
        self.lines: list[Line] = []
        self.pool = Pool(self._open, idle_seconds=15.0, size=size, clock=lambda: self.now)

    def take(self) -> tuple[int, bool]:
        line, was_used = self.pool.take(0.0)
        return line.number, was_used

    def give_back(self, *numbers: int) -> None:
        for number in numbers:
            self.pool.give_back(self.lines[number])

    @property
    def open_lines(self) -> list[int]:
        return [line.number for line in self.lines if line.is_open]

    def _open(self, _deadline: float) -> Line:
        self.lines.append(Line(len(self.lines)))
        return self.lines[-1]


def test_the_line_used_last_is_used_first() -> None:
    exchange = Exchange()
    assert [exchange.take(), exchange.take()] == [(0, False), (1, False)]
    exchange.give_back(0, 1)
    assert exchange.take() == (1, True)


def test_fifteen_seconds_idle_are_well_and_one_more_is_too_long() -> None:
    exchange = Exchange()
    exchange.take()
    exchange.give_back(0)
    exchange.now += 15.0
    assert exchange.take() == (0, True)
    exchange.give_back(0)
    exchange.now += 15.1
    assert exchange.take() == (1, False)
    assert exchange.open_lines == [1]


def test_a_line_on_which_the_other_side_has_spoken_or_hung_up_is_closed() -> None:
    exchange = Exchange()
    exchange.take()
    exchange.give_back(0)
    exchange.lines[0].has_something_to_say = True
    assert exchange.take() == (1, False)
    assert exchange.open_lines == [1]


def test_after_a_rush_the_surplus_is_closed_although_one_line_stays_busy() -> None:
    exchange = Exchange()
    for _ in range(5):
        exchange.take()
    exchange.give_back(0, 1, 2, 3, 4)
    for _ in range(4):
        exchange.now += 5.0
        number, was_used = exchange.take()
        assert (number, was_used) == (4, True)
        exchange.give_back(4)
    assert exchange.open_lines == [4]


def test_no_more_than_its_size_is_kept() -> None:
    exchange = Exchange(size=2)
    for _ in range(3):
        exchange.take()
    exchange.give_back(0, 1, 2)
    assert exchange.open_lines == [0, 1]


def test_closing_closes_idle_lines_at_once_and_busy_ones_when_they_come_back() -> None:
    exchange = Exchange()
    exchange.take()
    exchange.take()
    exchange.give_back(0)
    exchange.pool.close()
    assert exchange.open_lines == [1]
    exchange.give_back(1)
    assert exchange.open_lines == []
