"""The calendar: from a sequence, a person, their interviews and what has left, to planned sends.

Pure: no database, no clock. The worker, the page's preview, `simulate` and `explain` ask this one function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from campaigns.facts import Passage, Past, Person, appointment, reader
from campaigns.moments import due_moment, expiry, fit, is_at_once, window_of
from campaigns.reasons import Reason
from campaigns.sequence import Anchor, CalendarRule, ElapsedRule, Late, OncePer, Sequence, Step

AFTER_AT_ONCE = timedelta(hours=1)
"""A late but still useful email follows the catch-up by this much, so that two do not arrive together."""
SAME_ADVICE_WITHIN = timedelta(days=30)
CONFIRMATIONS = ((timedelta(minutes=10), 1), (timedelta(days=1), 3), (timedelta(days=30), 5))
"""At most so many confirmation emails to one address within each span, whoever asks for them."""


@dataclass(frozen=True, kw_only=True)
class PlannedSend:
    """One step of one enrollment: when it will leave, or why it will not.

    `due_at` None means it is left out, for `reason`. With a `due_at` the reason is None or a deferral. A
    settled step (it has left, or was tried for good) carries its reason and `settled=True`.
    """

    enrollment: int
    step: str
    title: str
    occasion: str
    due_at: datetime | None
    expires_at: datetime | None
    reason: Reason | None = None
    detail: str = ""
    merged: tuple[str, ...] = ()
    settled: bool = False
    left_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A time in which a campaign was not allowed to send; `ended_at` None while it lasts."""

    campaign: str
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Everything a plan follows from. The same situation gives the same plan."""

    sequences: Mapping[str, Sequence]
    person: Person
    passages: Many[Passage]
    history: Many[Past] = ()
    pauses: Many[Pause] = ()
    added: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When a step (campaign, key) became part of its campaign: what was due before is not sent."""


def plan(situation: Situation, *, now: datetime) -> list[PlannedSend]:
    """Every step of every enrollment that concerns this person at `now`, in the order it would leave.

    The nearer interview is planned first: its emails keep their moments, those of the other give way.
    """
    taken: list[PlannedSend] = []
    for passage in _nearest_first(situation.passages, now=now):
        if passage.campaign in situation.sequences:
            taken += _Planner(situation, passage, now=now, others=taken).planned()
    return sorted(taken, key=lambda send: (send.due_at or send.left_at or _NEVER, send.enrollment))


_NEVER = datetime.max.replace(tzinfo=UTC)


def _nearest_first(passages: Iterable[Passage], *, now: datetime) -> list[Passage]:
    return sorted(passages, key=lambda p: (p.starts_at < now, abs(p.starts_at - now), p.id))


class _Planner:
    """One passage through one sequence. `others`: what is planned for the person's nearer interviews."""

    def __init__(
        self, situation: Situation, passage: Passage, *, now: datetime, others: Many[PlannedSend]
    ) -> None:
        self.situation = situation
        self.passage = passage
        self.person = situation.person
        self.sequence = situation.sequences[passage.campaign]
        self.now = now
        self.others = list(others)
        self.history = [past for past in situation.history if past.enrollment == passage.id]
        self.dues: dict[str, datetime] = {}

    def planned(self) -> list[PlannedSend]:
        steps = [step for step in self.sequence.steps if self._concerns(step)]
        for step in steps:
            due = self.passage.known_at if step.is_catchup else self._due(step)
            if due is not None:
                self.dues[step.key] = due
        sends = {step.key: self._first_look(step) for step in steps if step.key in self.dues}
        self._catch_up(sends)
        self._leave_out_overdue(sends)
        self._keep_apart(sends)
        self._space(sends)
        return list(sends.values())

    # -- which steps concern this passage at all ------------------------------------------------------

    def _concerns(self, step: Step) -> bool:
        act = _act(step)
        if act is Anchor.UNSUBSCRIBED:
            # A goodbye is said once per person, not once per interview.
            return not any(send.step == step.key for send in self.others)
        if self.passage.confirmed_at is None:
            return act is Anchor.SIGNED_UP
        return act is not Anchor.SIGNED_UP or any(past.step == step.key for past in self.history)

    def _due(self, step: Step) -> datetime | None:
        return due_moment(step, self.sequence, self.passage, self.person, dues=self.dues)

    # -- each step by itself --------------------------------------------------------------------------

    def _first_look(self, step: Step) -> PlannedSend:
        due = self.dues[step.key]
        send = PlannedSend(
            enrollment=self.passage.id,
            step=step.key,
            title=step.title,
            occasion=self._occasion(step),
            due_at=due,
            expires_at=expiry(step, self.passage, self.person, due=due, dues=self.dues),
        )
        settled = self._settled(step, send.occasion)
        if settled is not None:
            return replace(
                send,
                due_at=None,
                reason=settled.reason,
                settled=True,
                left_at=settled.left_at,
                merged=settled.merged,
            )
        reason, detail = self._reason_against(step, due)
        return _left_out(send, reason, detail) if reason else self._late(step, self._throttled(step, send))

    def _occasion(self, step: Step) -> str:
        """What a send is for; one send leaves per enrollment, step and occasion."""
        match step.once_per:
            case OncePer.ENROLLMENT:
                return ""
            case OncePer.DATE:
                return f"r{self.passage.revision}"
            case OncePer.ACT:
                return self.dues[step.key].isoformat()

    def _settled(self, step: Step, occasion: str) -> Past | None:
        if step.is_advice:
            for past in self.history:
                if step.key in past.merged and past.left_at:
                    return replace(past, reason=Reason.MERGED_INTO_CATCHUP, merged=())
        return next(
            (past for past in self.history if (past.step, past.occasion) == (step.key, occasion)), None
        )

    def _reason_against(self, step: Step, due: datetime) -> tuple[Reason | None, str]:
        person, passage = self.person, self.passage
        if person.suppression and not (
            step.despite_unsubscribe and person.suppression is Reason.UNSUBSCRIBED
        ):
            return person.suppression, ""
        if passage.canceled_at and _act(step) not in (Anchor.CANCELED, Anchor.UNSUBSCRIBED):
            return Reason.CANCELED, ""
        if _act(step) is Anchor.MOVED and passage.canceled_at:
            return Reason.CANCELED, ""
        if step.until_outcome and passage.outcome:
            return Reason.OUTCOME_KNOWN, ""
        if step.when is not None and not step.when.holds(
            {"subscriber": reader(person), "interview": appointment(passage, person, now=self.now)}
        ):
            return Reason.CONDITION_FALSE, f"only when {step.when.source}"
        added = self.situation.added.get((self.sequence.key, step.key))
        if added is not None and due < added and not is_at_once(step) and passage.known_at < added:
            return Reason.SUPERSEDED_VERSION, ""
        return None, ""

    def _throttled(self, step: Step, send: PlannedSend) -> PlannedSend:
        """Confirmations are the one email a stranger can cause; the address they go to limits them."""
        if _act(step) is not Anchor.SIGNED_UP or send.due_at is None:
            return send
        left = sorted(p.left_at for p in self.situation.history if p.step == step.key and p.left_at)
        left += [o.due_at for o in self.others if o.step == step.key and o.due_at]
        due = send.due_at
        for span, most in CONFIRMATIONS:
            recent = sorted(at for at in left if at > due - span)
            if len(recent) >= most:
                due = recent[-most] + span
        if due == send.due_at:
            return send
        return self._deferred(send, due, Reason.DEFERRED_GAP)

    def _late(self, step: Step, send: PlannedSend) -> PlannedSend:
        """What its moment has passed for when the date became known (merging comes afterwards)."""
        assert send.expires_at
        if send.due_at is None or is_at_once(step):
            return send
        if send.due_at >= self.passage.known_at:
            if send.due_at >= send.expires_at:
                return _left_out(send, Reason.CONDITION_FALSE, "it would be due after its end")
            return send
        if step.late is Late.SKIP or (step.late is Late.SEND and send.expires_at <= self.passage.known_at):
            return _left_out(send, Reason.EXPIRED_LATE_JOIN)
        return send  # SEND waits for the catch-up to be known, MERGE goes into it

    # -- late sign-up: one email instead of a burst ---------------------------------------------------

    def _catch_up(self, sends: dict[str, PlannedSend]) -> None:
        known_at, step = self.passage.known_at, self.sequence.catchup
        open_advice = [
            s for s in self.sequence.steps if s.is_advice and s.key in sends and _is_open(sends[s.key])
        ]
        missed = [s.key for s in open_advice if self.dues[s.key] < known_at]
        catchup = sends.get(step.key) if step else None
        can_leave = catchup is not None and _is_open(catchup) and known_at < (catchup.expires_at or known_at)
        if not missed or not can_leave or not (fresh := [k for k in missed if not self._is_duplicate(k)]):
            for key in missed:
                reason = Reason.DUPLICATE_ADVICE if self._is_duplicate(key) else Reason.EXPIRED_LATE_JOIN
                sends[key] = _left_out(sends[key], reason)
            if step and catchup is not None and not catchup.settled:
                del sends[step.key]  # nothing missed: no catch-up was ever planned
        else:
            assert step is not None
            assert catchup is not None
            soon = max(known_at, self.now) + self.sequence.gap
            merged = [s.key for s in open_advice if s.key in fresh or self.dues[s.key] <= soon]
            merged = [key for key in merged if not self._is_duplicate(key)]
            for key in {*missed, *merged}:
                reason = Reason.MERGED_INTO_CATCHUP if key in merged else Reason.DUPLICATE_ADVICE
                sends[key] = _left_out(sends[key], reason)
            sends[step.key] = replace(catchup, merged=tuple(merged))
        self._welcome_gives_way(sends)
        self._late_but_useful(sends)

    def _welcome_gives_way(self, sends: dict[str, PlannedSend]) -> None:
        step = self.sequence.catchup
        catchup = sends.get(step.key) if step else None
        first = catchup is not None and catchup.occasion == "r0" and (_is_open(catchup) or catchup.left_at)
        for key, send in sends.items():
            if first and _is_open(send) and _act(self.sequence.step(key)) is Anchor.CONFIRMED:
                sends[key] = _left_out(send, Reason.MERGED_INTO_CATCHUP)

    def _late_but_useful(self, sends: dict[str, PlannedSend]) -> None:
        known_at = self.passage.known_at
        for key, send in sends.items():
            step = self.sequence.step(key)
            if (
                not _is_open(send)
                or is_at_once(step)
                or step.late is not Late.SEND
                or self.dues[key] >= known_at
            ):
                continue
            at_once = any(
                _is_open(other)
                and is_at_once(self.sequence.step(other.step))
                and not self.sequence.step(other.step).is_notice
                for other in sends.values()
            )
            window = window_of(step, self.sequence)
            spaced = fit(
                known_at + AFTER_AT_ONCE if at_once else known_at, window, self.sequence, self.person
            )
            if send.expires_at and spaced >= send.expires_at:
                spaced = fit(known_at, window, self.sequence, self.person)
            self.dues[key] = spaced
            sends[key] = self._deferred(
                send, spaced, Reason.DEFERRED_WINDOW if spaced > known_at + AFTER_AT_ONCE else None
            )

    def _is_duplicate(self, key: str) -> bool:
        """The same advice reached them for another interview within 30 days, or will for a nearer one."""
        step, due = self.sequence.step(key), max(self.dues[key], self.passage.known_at)
        if not step.is_advice:
            return False
        left = [
            past.left_at
            for past in self.situation.history
            if past.enrollment != self.passage.id and past.left_at and key in (past.step, *past.merged)
        ]
        left += [send.due_at for send in self.others if send.due_at and key in (send.step, *send.merged)]
        return any(abs(due - at) <= SAME_ADVICE_WITHIN for at in left)

    # -- what we did not send in time -----------------------------------------------------------------

    def _leave_out_overdue(self, sends: dict[str, PlannedSend]) -> None:
        """After an outage or a pause only the latest step that is still valid leaves."""
        for key, send in sends.items():
            if _is_open(send) and send.expires_at and send.expires_at <= self.now:
                sends[key] = _left_out(send, self._reason_missed(send))
        overdue = [
            s
            for s in sends.values()
            if _is_open(s) and s.due_at and s.due_at <= self.now and self._follows_order(s)
        ]
        left = [
            self.dues[s.step] for s in sends.values() if s.settled and s.left_at and self._follows_order(s)
        ]
        latest = max(
            [s.due_at for s in overdue if s.due_at] + [due for due in left if due <= self.now], default=None
        )
        for send in overdue:
            if latest and send.due_at and send.due_at < latest:
                sends[send.step] = _left_out(send, self._reason_missed(send))

    def _follows_order(self, send: PlannedSend) -> bool:
        step = self.sequence.step(send.step)
        return not (step.is_notice or step.is_catchup or _act(step) is Anchor.CONFIRMED)

    def _reason_missed(self, send: PlannedSend) -> Reason:
        assert send.due_at
        for pause in self.situation.pauses:
            if (
                pause.campaign == self.sequence.key
                and pause.began_at <= (send.expires_at or send.due_at)
                and (pause.ended_at is None or send.due_at <= pause.ended_at)
            ):
                return Reason.PAUSED_EXPIRED
        return Reason.EXPIRED_OUTAGE

    def _keep_apart(self, sends: dict[str, PlannedSend]) -> None:
        for key, send in sends.items():
            apart = self.sequence.step(key).apart
            if apart is None or not _is_open(send) or send.due_at is None:
                continue
            for other in apart.steps:
                times = [p.left_at for p in self.history if p.step == other and p.left_at]
                times += [at for at in (sends[other].due_at,) if at] if other in sends else []
                if any(timedelta() <= send.due_at - at < apart.by for at in times):
                    sends[key] = _left_out(
                        send, Reason.CONDITION_FALSE, f"{other} left less than {apart.by} before"
                    )
                    break

    # -- the gap and the window: they defer, they never drop, unless the end comes first ----------------

    def _space(self, sends: dict[str, PlannedSend]) -> None:
        taken = self._departures(sends)
        earliest = datetime.min.replace(tzinfo=UTC)
        flexible = [s for s in sends.values() if _is_open(s) and not self._is_fixed(s)]
        for send in sorted(flexible, key=lambda s: s.due_at or _NEVER):
            assert send.due_at
            if self.sequence.step(send.step).is_advice and self._is_duplicate(send.step):
                sends[send.step] = _left_out(send, Reason.DUPLICATE_ADVICE)
                continue
            slot, reason = self._free_slot(send, max(send.due_at, earliest), taken)
            sends[send.step] = self._deferred(send, slot, reason)
            if sends[send.step].due_at:
                taken.append(slot)
                earliest = slot

    def _is_fixed(self, send: PlannedSend) -> bool:
        step = self.sequence.step(send.step)
        return step.is_notice or "gap" in step.exempt

    def _departures(self, sends: Mapping[str, PlannedSend]) -> list[datetime]:
        """The moments other emails count at: left, or planned and fixed. Notices do not count."""
        notices = {
            s.key for sequence in self.situation.sequences.values() for s in sequence.steps if s.is_notice
        }
        left = [past.left_at for past in self.situation.history if past.step not in notices]
        fixed = [
            s.due_at for s in sends.values() if _is_open(s) and self._is_fixed(s) and s.step not in notices
        ]
        near = [s.due_at for s in self.others if s.step not in notices]
        return [at for at in [*left, *fixed, *near] if at]

    def _free_slot(
        self, send: PlannedSend, start: datetime, taken: Many[datetime]
    ) -> tuple[datetime, Reason | None]:
        window = window_of(self.sequence.step(send.step), self.sequence)
        slot, reason = start, Reason.DEFERRED_GAP if start != send.due_at else None
        while True:
            fitted = fit(slot, window, self.sequence, self.person)
            reason = Reason.DEFERRED_WINDOW if fitted != slot else reason
            slot = fitted
            blocking = [at for at in taken if abs(slot - at) < self.sequence.gap]
            if not blocking:
                return slot, reason
            slot, reason = max(blocking) + self.sequence.gap, Reason.DEFERRED_GAP

    def _deferred(self, send: PlannedSend, due: datetime, reason: Reason | None) -> PlannedSend:
        """`send` at `due`; left out for the deferral's reason when its end comes first."""
        if send.expires_at and due >= send.expires_at:
            return _left_out(send, reason or Reason.EXPIRED_LATE_JOIN, "waiting would have gone past its end")
        return replace(send, due_at=due, reason=reason)


def _act(step: Step) -> Anchor | None:
    """The act a step answers at once, if it does. The catch-up answers none: it follows from the calendar."""
    rule = step.rule
    return rule.after if isinstance(rule, ElapsedRule) and rule.after.is_act and not step.is_catchup else None


def _is_open(send: PlannedSend) -> bool:
    return not send.settled and send.due_at is not None


def _left_out(send: PlannedSend, reason: Reason, detail: str = "") -> PlannedSend:
    return replace(send, due_at=None, reason=reason, detail=detail or send.detail)


__all__ = ["CalendarRule", "Pause", "PlannedSend", "Situation", "plan"]
