from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from campaigns.facts import Passage, Past, Person
from campaigns.planned import PlannedSend, Situation
from campaigns.reasons import Reason
from campaigns.sequence import Sequence, Step


class Sketch:
    """The plan of one passage while it is being made.

    `dues` keeps the moments of the timetable, whatever becomes of the steps: other steps count from them.
    `sends` is the plan so far. `nearer`: the sketches of the person's nearer interviews, whose emails go
    first.
    """

    def __init__(
        self, situation: Situation, passage: Passage, *, now: datetime, nearer: list[Sketch]
    ) -> None:
        self.situation = situation
        self.passage = passage
        self.now = now
        self.nearer = nearer
        self.sequence: Sequence = situation.sequences[passage.campaign]
        self.dues: dict[str, datetime] = {}
        self.sends: dict[str, PlannedSend] = {}

    @property
    def person(self) -> Person:
        return self.situation.person

    @cached_property
    def history(self) -> list[Past]:
        """What this passage has had."""
        return [past for past in self.situation.history if past.enrollment == self.passage.id]

    @property
    def perhaps_left(self) -> list[Past]:
        """What this passage may have had, and is to have once more."""
        return [past for past in self.situation.perhaps_left if past.enrollment == self.passage.id]

    @property
    def known_at(self) -> datetime:
        return self.passage.known_at

    def is_late(self, key: str) -> bool:
        """Its moment had passed when the date became known."""
        return key in self.dues and self.dues[key] < self.known_at

    def reason_late(self, key: str) -> Reason:
        """Why it was late: they came after its moment, or had paused while it should have left."""
        told_at = self.passage.told_at
        is_paused = self.known_at > told_at and self.dues[key] >= told_at
        return Reason.PAUSED_BY_SUBSCRIBER if is_paused else Reason.EXPIRED_LATE_JOIN

    def open_steps(self) -> Iterator[tuple[Step, PlannedSend]]:
        """The steps that are still to leave, in the order of the sequence; safe against changes meanwhile."""
        for step in self.sequence.steps:
            send = self.sends.get(step.key)
            if send is not None and send.due_at is not None and not send.settled:  # it is open
                yield step, send

    def leave_out(self, key: str, reason: Reason, detail: str = "") -> None:
        self.sends[key] = self.sends[key].left_out(reason, detail)
