"""Sends, interviews and goodbyes by the thousand, written straight into the tables: what a report counts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from campaigns import Catalog
from campaigns.enrollment import Campaign, Enrollment
from scheduler import Send, State
from scheduler.reaction import Reaction, ReactionKind
from scheduler.send import final_state
from subscribers import Interview, Subscriber, Suppression

SEQUENCE = "second_interview"
STEPS = [step.key for step in Catalog().sequence(SEQUENCE).steps]
BEGAN = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
_LEFT = (State.ACCEPTED, State.DELIVERED, State.DELIVERED, State.DELIVERED, State.BOUNCED, State.DROPPED)
_OUT = ("expired_late_join", "merged_into_catchup", "condition_false", "unsubscribed", "rejected", "unknown")
_AT_ONCE = 5_000


def fill(session: Session, *, people: int, sends_each: int, days: int = 90, seed: int = 1) -> None:
    """`people` who signed up over `days` days from BEGAN, each with `sends_each` sends: most left within a
    second, some late, some left out, a few still to come. The same seed makes the same rows."""
    rows = _Rows(random.Random(seed), sends_each, days)
    session.execute(
        insert(Campaign), {"key": SEQUENCE, "state": "running", "version": "", "created_at": BEGAN}
    )
    for first in range(1, people + 1, _AT_ONCE // sends_each):
        numbers = range(first, min(first + _AT_ONCE // sends_each, people + 1))
        for table, of in (
            (Subscriber, rows.person), (Interview, rows.interview), (Enrollment, rows.enrollment),
        ):  # fmt: skip
            session.execute(insert(table), [of(number) for number in numbers])
        sends = [send for number in numbers for send in rows.sends(number)]
        session.execute(insert(Send), sends)
        for table, found in ((Reaction, rows.reactions(sends)), (Suppression, rows.goodbyes(numbers))):
            if found:
                session.execute(insert(table), found)


class _Rows:
    def __init__(self, dice: random.Random, sends_each: int, days: int) -> None:
        self._dice, self._each, self._days = dice, sends_each, days

    def joined(self, number: int) -> datetime:
        # More in the second half, fewer on weekends: a picture of it looks like one of a real campaign.
        at = BEGAN + timedelta(days=(number * 0.618_034 % 1) ** 0.7 * self._days, minutes=number % 600)
        return at - timedelta(days=2) if at.weekday() > 4 and number % 3 else at

    def person(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "address": f"person{number}@example.com",
            "address_hmac": f"{number:064x}",
            "home_zone": "Europe/Berlin",
            "created_at": self.joined(number),
            "confirmed_at": self.joined(number) + timedelta(minutes=4) if number % 8 else None,
        }

    def interview(self, number: int) -> dict[str, Any]:
        joined = self.joined(number)
        told = ("offer", "rejected", "next_round")[number % 3] if number % 4 == 0 else None
        return {
            "id": number,
            "subscriber_id": number,
            "campaign": SEQUENCE,
            "held_on": (joined + timedelta(days=10)).date(),
            "zone": "Europe/Berlin",
            "created_at": joined,
            "requested_at": joined,
            "confirmed_at": joined + timedelta(minutes=4) if number % 8 else None,
            "outcome": told,
            "outcome_at": joined + timedelta(days=13) if told else None,
        }

    def enrollment(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "subscriber_id": number,
            "interview_id": number,
            "campaign": SEQUENCE,
            "enrolled_at": self.joined(number),
        }

    def sends(self, number: int) -> Iterator[dict[str, Any]]:
        for place in range(self._each):
            yield self._send(number, place)

    def _send(self, number: int, place: int) -> dict[str, Any]:
        due = self.joined(number) + timedelta(days=place, milliseconds=self._dice.randrange(10**8))
        send: dict[str, Any] = dict.fromkeys(("reason", "due_at", "left_at", "finished_at", "intent_at"))
        send |= {
            "id": number * self._each + place,
            "enrollment_id": number,
            "subscriber_id": number,
            "campaign": SEQUENCE,
            "step": STEPS[place % len(STEPS)],
            "reference": f"{number * self._each + place:032x}",
            "planned_at": self.joined(number),
            "epoch": 0,
            "occurrence": place // len(STEPS),
            "occasion": f"r{place // len(STEPS)}",
            "due_at": due,
        }
        return send | self._fate(due)

    def _fate(self, due: datetime) -> dict[str, Any]:
        kind = self._dice.random()
        if kind < 0.74:
            left = due + timedelta(milliseconds=int(self._dice.expovariate(1 / 700) ** 1.15))
            left += timedelta(minutes=self._dice.randrange(300)) if kind < 0.008 else timedelta()
            state = self._dice.choice(_LEFT) if kind < 0.05 else State.DELIVERED
            answered = left + timedelta(milliseconds=self._dice.randrange(20, 400))
            return {"state": state, "reason": "accepted", "left_at": left, "finished_at": answered}
        if kind < 0.97:
            reason = self._dice.choice(_OUT)
            moment = due if self._dice.random() < 0.6 else None
            return {"state": final_state(reason), "reason": reason, "finished_at": due, "due_at": moment}
        return {"state": State.PLANNED if kind < 0.998 else State.IN_DOUBT, "reason": None}

    def reactions(self, sends: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {
                "send_id": send["id"],
                "kind": ReactionKind.COMPLAINED,
                "at": send["due_at"] + timedelta(hours=3),
            }
            for send in sends
            if send["left_at"] and self._dice.random() < 0.002
        ]

    def goodbyes(self, numbers: range) -> list[dict[str, Any]]:
        return [
            {
                "address_hmac": f"{number:064x}",
                "reason": "unsubscribed",
                "created_at": self.joined(number) + timedelta(days=number % 9, hours=5),
            }
            for number in numbers
            if self._dice.random() < 0.03
        ]
