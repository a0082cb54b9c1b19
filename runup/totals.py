"""What came of a simulated campaign, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from runup.simulation import Outage, Played
from scheduler.braking import is_mass_expiry
from scheduler.send import ARRIVED, OPEN
from subscribers.wall_time import local


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Steps are in the order of the sequence."""

    people: int
    sends: int
    steps: list[str]
    """Those of which anything was planned."""
    left: dict[str, int]
    """Emails that left, by step."""
    when: dict[str, str]
    """The middle moment of those by the readers' clocks, like `T-7 09:04`; T is the interview's day."""
    not_sent: dict[str, dict[str, int]]
    """By step, then by reason, the most frequent first."""
    open: int
    """Sends that are not final yet."""
    latest: timedelta
    """The longest time an email left after it was due."""
    busiest_at: datetime | None
    """The hour in which most left, in UTC, and how many these were."""
    busiest: int
    stops: list[str]
    """Where real workers would have stopped and asked: so much would have ended at once."""


@dataclass(kw_only=True)
class Tally:
    """Counts lives one by one. Tallies of parts of a crowd add up, in any order."""

    people: int = 0
    left: Counter[tuple[str, int, time]] = field(default_factory=Counter)
    """By step, days from the interview and minute, on the reader's clock."""
    not_sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    hours: Counter[datetime] = field(default_factory=Counter)
    open: int = 0
    latest: timedelta = timedelta()
    due: Counter[Outage] = field(default_factory=Counter)
    ended: Counter[Outage] = field(default_factory=Counter)

    def add(self, played: Played) -> None:
        someone = played.rehearsal
        zone, day = someone.subscriber.home_zone, someone.passage.day_for(someone.person)
        self.people += 1
        for outage, (due, ended) in played.overdue.items():
            self.due[outage] += due
            self.ended[outage] += ended
        for send in someone.sends:
            if send.state in ARRIVED and send.left_at and send.due_at:
                at = local(send.left_at, zone)
                self.left[send.step, (at.date() - day).days, time(at.hour, at.minute)] += 1
                self.hours[send.left_at.replace(minute=0, second=0, microsecond=0)] += 1
                self.latest = max(self.latest, send.left_at - send.due_at)
            elif send.state in OPEN:
                self.open += 1
            else:
                self.not_sent[send.step, f"{send.reason or send.state}"] += 1

    def __iadd__(self, other: Tally) -> Tally:
        self.people += other.people
        self.left += other.left
        self.not_sent += other.not_sent
        self.hours += other.hours
        self.open += other.open
        self.latest = max(self.latest, other.latest)
        self.due += other.due
        self.ended += other.ended
        return self

    def totals(self, steps: Iterable[str]) -> Totals:
        """`steps`: the keys of the sequence in their order."""
        order = list(steps)
        left = Counter[str]()
        for (step, _, _), number in self.left.items():
            left[step] += number
        busiest = min(self.hours, key=lambda hour: (-self.hours[hour], hour), default=None)
        return Totals(
            people=self.people,
            sends=left.total() + self.not_sent.total() + self.open,
            steps=[key for key in order if left[key] or self._reasons(key)],
            left={key: left[key] for key in order if left[key]},
            when={key: self._middle(key) for key in order if left[key]},
            not_sent={key: found for key in order if (found := self._reasons(key))},
            open=self.open,
            latest=self.latest,
            busiest_at=busiest,
            busiest=self.hours[busiest] if busiest else 0,
            stops=[
                f"on {outage.ended_at:%Y-%m-%d %H:%M}Z, when {self.ended[outage]:,} of {due:,} due sends "
                "had reached their end"
                for outage, due in sorted(self.due.items(), key=lambda one: one[0].ended_at)
                if is_mass_expiry(expiring=self.ended[outage], due=due)
            ],
        )

    def _reasons(self, step: str) -> dict[str, int]:
        found = [(reason, number) for (key, reason), number in self.not_sent.items() if key == step]
        return dict(sorted(found, key=lambda one: (-one[1], one[0])))

    def _middle(self, step: str) -> str:
        moments = sorted((day, at, number) for (key, day, at), number in self.left.items() if key == step)
        half, seen = sum(number for *_, number in moments) / 2, 0
        for day, at, number in moments:
            seen += number
            if seen >= half:
                return f"T{day:+d} {at:%H:%M}" if day else f"T {at:%H:%M}"
        raise AssertionError("some left")
