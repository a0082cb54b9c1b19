from __future__ import annotations

from datetime import timedelta

from campaigns.sequence import Anchor, CalendarRule, Day, Rule, Step

_ACTS = {
    Anchor.SIGNED_UP: "signing up",
    Anchor.CONFIRMED: "confirming",
    Anchor.MOVED: "changing the date",
    Anchor.CANCELED: "canceling",
    Anchor.UNSUBSCRIBED: "unsubscribing",
    Anchor.OUTCOME: "telling the outcome",
    Anchor.INTERVIEW_START: "the start",
    Anchor.INTERVIEW_END: "the end",
    Anchor.DUE: "it was due",
}
_DAYS = {
    Day.INTERVIEW: "the interview",
    Day.DECISION: "the day they decide",
    Day.OUTCOME: "telling the outcome",
}


def describe(step: Step) -> str:
    """When a step is due, in words: `7 days before the interview at 09:00`."""
    if step.is_catchup:
        return "at once, when something was missed"
    words = _rule(step.rule)
    return f"{words}, on a weekday" if step.weekdays else words


def _rule(rule: Rule) -> str:
    if not isinstance(rule, CalendarRule):
        base = _ACTS[rule.after]
        if not rule.delay:
            return f"at once after {base}"
        return f"{_length(abs(rule.delay))} {'after' if rule.delay > timedelta() else 'before'} {base}"
    base = f"“{rule.after_step}”" if rule.after_step else _DAYS[rule.counted_from]
    at = f"at {rule.time:%H:%M}"
    if rule.business_days:
        return f"{_count(rule.business_days, 'workday')} after {base} {at}"
    if rule.day == 0:
        return f"the day of {base} {at}"
    return f"{_count(abs(rule.day), 'day')} {'after' if rule.day > 0 else 'before'} {base} {at}"


def _length(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    parts = [
        _count(hours // 24, "day") if hours >= 24 else "",
        _count(hours % 24, "hour") if hours % 24 else "",
    ]
    return " ".join(part for part in [*parts, _count(minutes, "minute") if minutes else ""] if part)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
