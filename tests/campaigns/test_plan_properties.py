"""Whatever people and operators do, in whatever order: the promises about when an email leaves hold.

A machine draws edits of one person's life (sign-ups, moves, cancels, outcomes, zones, unsubscribes, pauses,
outages, versions) and lets a faultless worker send in between; what has left is then checked as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from diary import ANA, ON_THE_MINUTE, SHIPPED, Diary, at, interview
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaigns.facts import Rest
from campaigns.planned import PlannedSend
from campaigns.planning import plan
from campaigns.reasons import Reason
from campaigns.sequence import Sequence

BEGIN = at("2026-03-02 11:17")
ZONES = (
    "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe",
    "Antarctica/Troll", "Africa/Cairo", "America/New_York", "Asia/Kathmandu",
)  # fmt: skip
TIMES = (None, time(0, 15), time(7), time(9), time(9, 30), time(14), time(16, 45), time(23, 30))
AT_ONCE = {
    "confirm", "confirm_again", "welcome", "catchup", "offer", "next_round", "moved", "canceled", "goodbye",
}  # fmt: skip
BEFORE = {"details", "people", "format", "salary", "questions", "day_before", "morning"}
WAITS = BEFORE - {"day_before", "morning"} | {"checkin", "second_nudge", "rejected", "farewell"}
NOTICES = {"confirm", "confirm_again", "moved", "canceled", "goodbye"}
DEFERRALS = {Reason.DEFERRED_GAP, Reason.DEFERRED_WINDOW}

zones = st.sampled_from(ZONES)
starts = st.sampled_from(TIMES)
days_ahead = st.integers(-12, 45)
spans = st.one_of(
    st.integers(1, 600).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(1, 20).map(lambda days: timedelta(days=days)),
)


class Life(RuleBasedStateMachine):
    interviews = Bundle("interviews")

    def __init__(self) -> None:
        super().__init__()
        self.diary = Diary(person=ANA, sequence=SHIPPED)
        self.diary.now = BEGIN
        self.seen_from = 0
        self.facts: list[tuple[datetime, PlannedSend]] = []

    @property
    def today(self) -> date:
        return self.diary.now.date()

    @initialize(zone=zones)
    def begin(self, zone: str) -> None:
        self.diary.be(home_zone=zone)

    @rule(target=interviews, days=days_ahead, start=starts, zone=zones, confirmed=st.booleans())
    def sign_up(self, days: int, start: time | None, zone: str, confirmed: bool) -> int:
        number = len(self.diary.passages) + 1
        if number > 3:
            return 1
        now = self.diary.now
        day = self.today + timedelta(days=days)
        passage = interview(now if confirmed else None, id=number, held_on=day, start_time=start, zone=zone)
        self.diary.passages[number] = replace(passage, requested_at=now)
        return number

    @rule(number=interviews)
    def confirm(self, number: int) -> None:
        if self.diary.passages[number].confirmed_at is None:
            self.diary.change(number, confirmed_at=self.diary.now)

    @rule(number=interviews, days=days_ahead, start=starts, zone=zones)
    def move(self, number: int, days: int, start: time | None, zone: str) -> None:
        held_on = self.today + timedelta(days=days)
        self.diary.move(enrollment=number, held_on=held_on, start_time=start, zone=zone)

    @rule(number=interviews)
    def cancel(self, number: int) -> None:
        if self.diary.passages[number].canceled_at is None:
            self.diary.cancel(enrollment=number)

    @rule(number=interviews, outcome=st.sampled_from(["offer", "rejected", "next_round"]))
    def tell(self, number: int, outcome: str) -> None:
        self.diary.tell(outcome, enrollment=number)

    @rule(number=interviews, days=st.integers(0, 20))
    def tell_decision_day(self, number: int, days: int) -> None:
        held_on = self.diary.passages[number].held_on
        self.diary.change(number, decision_on=held_on + timedelta(days=days))

    @rule(zone=zones)
    def move_house(self, zone: str) -> None:
        self.diary.be(home_zone=zone)

    @rule(asked=st.booleans())
    def unsubscribe(self, asked: bool) -> None:
        if self.diary.person.suppression is None:
            gone = {"suppression": Reason.UNSUBSCRIBED, "unsubscribed_at": self.diary.now}
            self.diary.be(**gone, wants_goodbye=asked)

    @rule()
    def come_back(self) -> None:
        self.diary.be(suppression=None, unsubscribed_at=None, wants_goodbye=False)

    @rule(number=interviews, span=st.one_of(st.none(), spans))
    def rest(self, number: int, span: timedelta | None) -> None:
        rests, now = self.diary.passages[number].rests, self.diary.now
        if not self.diary.passages[number].rests_at(now):
            until = now + span if span else None
            self.diary.change(number, rests=(*rests, Rest(began_at=now, ends_at=until)))

    @rule(number=interviews)
    def go_on(self, number: int) -> None:
        rests, now = self.diary.passages[number].rests, self.diary.now
        ended = tuple(replace(rest, ends_at=now) if rest.holds_at(now) else rest for rest in rests)
        self.diary.change(number, rests=ended)

    @precondition(lambda self: not any(p.ended_at is None for p in self.diary.pauses))
    @rule()
    def pause(self) -> None:
        self.diary.pause()

    @precondition(lambda self: any(p.ended_at is None for p in self.diary.pauses))
    @rule()
    def resume(self) -> None:
        self.diary.resume()

    @rule(without=st.sampled_from(["", "questions", "day_before"]))
    def publish(self, without: str) -> None:
        old, new = self.diary.sequence, _without(SHIPPED, without)
        self.diary.added |= {("second_interview", s.key): BEGIN for s in old.steps if s.key not in
                             {key for _, key in self.diary.added}}  # fmt: skip
        for step in new.steps:
            self.diary.added.setdefault(("second_interview", step.key), self.diary.now)
        self.diary.sequence = new

    @rule(span=spans)
    def live(self, span: timedelta) -> None:
        self._live(self.diary.now + span)

    @rule(span=spans)
    def outage(self, span: timedelta) -> None:
        self.diary.sleep(self.diary.now + span)

    # -- what holds at every moment -------------------------------------------------------------------

    @invariant()
    def the_plan_is_sound(self) -> None:
        diary = self.diary
        sends = diary.plan()
        assert sends == plan(diary.situation, now=diary.now), "the same situation gives the same plan"
        keys = [(send.enrollment, send.step, send.occasion) for send in sends]
        assert len(keys) == len(set(keys)), "one row per enrollment, step and occasion"
        for send in sends:
            if send.is_open:
                self._check_open(send)
            else:
                assert send.reason is not None, f"{send.step} ends without a reason"
                assert send.due_at is None
        self._check_gap([send for send in sends if send.is_open])

    def _check_open(self, send: PlannedSend) -> None:
        diary, passage = self.diary, self.diary.passages[send.enrollment]
        assert send.due_at
        assert send.expires_at
        assert send.reason is None or send.reason in DEFERRALS
        assert max(send.due_at, diary.now) < send.expires_at, f"{send.step} is planned for after its end"
        if send.step in BEFORE:
            latest = max(send.due_at, diary.now)
            assert latest <= passage.starts_at - timedelta(hours=2), "too close to the start"
        if send.step in ("thanks", "checkin", "second_nudge", "farewell"):
            assert send.due_at > passage.starts_at, f"{send.step} before the interview"
        if send.step == "catchup":
            assert send.merged
            assert max(send.due_at, diary.now) <= passage.starts_at - timedelta(minutes=10)
        if send.step not in ("confirm", "confirm_again", "goodbye"):
            assert passage.confirmed_at, "nothing but the request leaves before the confirmation"
            assert not passage.rests_at(max(send.due_at, diary.now)), f"{send.step} in a pause of their own"
        if send.step not in ("confirm", "goodbye"):
            assert diary.person.suppression is None, "nothing leaves to somebody who left"
        if send.due_at > diary.now and send.step not in AT_ONCE:
            here = send.due_at.astimezone(ZoneInfo(diary.person.home_zone))
            assert time(7) <= here.time() <= time(20), f"{send.step} at {here}"
            if send.step in ("checkin", "second_nudge"):
                assert here.weekday() < 5

    def _check_gap(self, sends: list[PlannedSend]) -> None:
        """No two that wait for the gap leave within it, of whichever interview."""
        now, gap = self.diary.now, self.diary.sequence.gap
        moments = sorted(max(s.due_at, now) for s in sends if s.due_at and s.step in WAITS)
        for earlier, later in pairwise(moments):
            assert later - earlier >= gap
        left = [past.left_at for past in self.diary.history if past.left_at and past.step not in NOTICES]
        for moment in moments:
            assert all(moment - at >= gap for at in left), "too soon after what has left"

    # -- what holds of everything that leaves ---------------------------------------------------------

    def _live(self, until: datetime) -> None:
        """As `Diary.live`, and nothing changes in the plan but that what was planned has left."""
        diary = self.diary
        while True:
            before = diary.plan()
            due = [s for s in before if s.is_open and not diary.is_paused]
            send = min(due, key=lambda s: (max(s.due_at, diary.now), s.expires_at), default=None)  # type: ignore[type-var]
            if send is None or send.due_at is None or max(send.due_at, diary.now) > until:
                diary.now = max(diary.now, until)
                return
            since, diary.now = diary.now, max(send.due_at, diary.now)
            if any(since < passage.starts_at <= diary.now for passage in diary.passages.values()):
                continue  # a date has passed: another interview is the nearer one now, and goes first
            due_now = [s for s in diary.plan() if s.is_open and s.due_at and s.due_at <= diary.now]
            if (send.enrollment, send.step) not in {(s.enrollment, s.step) for s in due_now}:
                # An overdue email that had to wait gives way when the next of its interview is due by then.
                assert send.enrollment in {s.enrollment for s in due_now}, (
                    f"{send.step} is gone at its moment"
                )
                continue
            diary.leave(send)
            self._check_what_left(send)
            self._nothing_else_changed(send, before)

    def _nothing_else_changed(self, left: PlannedSend, before: list[PlannedSend]) -> None:
        moment = self.diary.now

        def told(sends: list[PlannedSend]) -> dict[tuple[int, str, str], tuple[object, ...]]:
            return {
                (s.enrollment, s.step, s.occasion): (max(s.due_at, moment), s.merged)
                if s.due_at
                else (s.reason,)
                for s in sends
                if not s.settled
            }

        was, now = told(before), told(self.diary.plan())
        del was[left.enrollment, left.step, left.occasion]
        merged = {(left.enrollment, key) for key in left.merged}
        was = {key: value for key, value in was.items() if key[:2] not in merged}
        assert {key: was[key] for key in was if was[key] != now.get(key)} == {}, (
            f"{left.step} left and moved others"
        )
        assert now.keys() == was.keys()

    def _check_what_left(self, send: PlannedSend) -> None:
        diary, passage = self.diary, self.diary.passages[send.enrollment]
        assert passage.canceled_at is None or send.step in ("canceled", "goodbye")
        same = [p for p in diary.history if (p.enrollment, p.step) == (send.enrollment, send.step)]
        assert len({p.occasion for p in same}) == len(same), "one send per occasion"
        if send.step in BEFORE - {"day_before", "morning"} | {"welcome", "farewell"}:
            assert len(same) == 1, "once per enrollment"
        if send.step in ("day_before", "morning", "thanks", "catchup"):
            assert send.occasion == f"r{passage.revision}", "for a date that is no longer true"
        merged = [key for p in diary.history if p.enrollment == send.enrollment for key in p.merged]
        assert len(merged) == len(set(merged)), "no advice is merged twice"
        assert send.step not in merged, "no advice after it was merged"

    def teardown(self) -> None:
        """To the end of everything: every step of every enrollment ends with one reason."""
        if any(pause.ended_at is None for pause in self.diary.pauses):
            self.diary.resume()
        self._live(self.diary.now + timedelta(days=400))
        assert [send.step for send in self.diary.plan() if send.is_open] == []


def _without(sequence: Sequence, key: str) -> Sequence:
    return replace(sequence, steps=tuple(step for step in sequence.steps if step.key != key))


Life.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    # Without "explain", which traces every line and takes minutes.
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLife = Life.TestCase


def test_the_shipped_timetable_knows_no_other_steps() -> None:
    """The promises above name the steps they hold for."""
    assert {step.key for step in ON_THE_MINUTE.steps} == AT_ONCE | BEFORE | WAITS | {"thanks"}
