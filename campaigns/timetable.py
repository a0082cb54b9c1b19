"""Reads templates/<sequence>/sequence.toml and refuses what cannot be meant, by file, line, step and field."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from campaigns.errors import CampaignError
from campaigns.expressions import Condition, ConditionError, compile_condition
from campaigns.facts import Passage, Person
from campaigns.moments import due_moment, expiry
from campaigns.sequence import (
    Anchor,
    Apart,
    CalendarRule,
    Day,
    ElapsedRule,
    Late,
    OncePer,
    Rule,
    Sequence,
    Step,
    Window,
)
from subscribers.wall_time import resolve

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_SEQUENCE_KEYS = {"name", "window", "gap", "jitter", "step"}
_CALENDAR_KEYS = {"day", "time", "from", "after_step", "business_days"}
_ELAPSED_KEYS = {"after", "delay"}
_STEP_KEYS = _CALENDAR_KEYS | _ELAPSED_KEYS | {
    "key", "title", "expires", "late", "once_per", "when", "until", "window", "exempt", "weekdays", "notice",
    "apart", "catchup", "despite_unsubscribe", "otherwise",
}  # fmt: skip
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DURATION = re.compile(r"(-?)(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?")


def load_sequence(folder: Traversable | Path) -> Sequence:
    """The sequence of a campaign's folder, checked as a whole. Raises CampaignError at the first fault."""
    file = folder / "sequence.toml"
    if not file.is_file():
        raise CampaignError(
            f"{folder.name}/sequence.toml", 0, "there is no such file; a campaign needs its timetable"
        )
    return parse_sequence(folder.name, file.read_text(encoding="utf-8"))


def parse_sequence(key: str, text: str) -> Sequence:
    """The sequence written in `text`. `key` names it, as its folder does."""
    source = _Source(f"{key}/sequence.toml", text)
    data = source.parse()
    top = _Table(source, data, "", -1)
    top.only(_SEQUENCE_KEYS)
    sequence = Sequence(
        key=key,
        name=top.take("name", _text),
        window=top.take("window", _window),
        gap=top.take("gap", _duration, default="18h"),
        jitter=top.take("jitter", _duration, default="0m"),
        steps=tuple(
            _step(_Table(source, table, f"step {table.get('key', index + 1)!r}", index))
            for index, table in enumerate(top.take("step", _tables))
        ),
    )
    _check_together(source, sequence)
    return sequence


def _step(table: _Table) -> Step:
    table.only(_STEP_KEYS)
    key = table.take("key", _key)
    is_catchup = table.take("catchup", _flag, default=False)
    rule = ElapsedRule(after=Anchor.CONFIRMED, delay=timedelta()) if is_catchup else _rule(table)
    return Step(
        key=key,
        title=table.take("title", _text),
        rule=rule,
        otherwise=_rule(table.table("otherwise")) if "otherwise" in table.data else None,
        expires=_expires(table),
        late=table.take("late", _one_of(Late), default="send" if is_catchup else None),
        once_per=table.take("once_per", _one_of(OncePer)),
        when=table.take("when", _condition) if "when" in table.data else None,
        until_outcome=table.take("until", _until, default=False),
        window=table.take("window", _window) if "window" in table.data else None,
        exempt=table.take("exempt", _exempt, default=[]),
        weekdays=table.take("weekdays", _flag, default=False),
        is_notice=table.take("notice", _flag, default=False),
        apart=_apart(table.table("apart")) if "apart" in table.data else None,
        is_catchup=is_catchup,
        despite_unsubscribe=table.take("despite_unsubscribe", _flag, default=False),
    )


def _rule(table: _Table) -> Rule:
    if "after" in table.data:
        if mixed := table.data.keys() & _CALENDAR_KEYS:
            raise table.error(
                mixed.pop(), "goes with a calendar rule; a step has either day and time or after and delay"
            )
        return ElapsedRule(after=table.take("after", _one_of(Anchor)), delay=table.take("delay", _duration))
    if "day" not in table.data:
        raise table.error("day", "is missing; a step needs day and time, or after and delay")
    return CalendarRule(
        day=table.take("day", _whole),
        time=table.take("time", _time),
        counted_from=table.take("from", _one_of(Day), default="interview"),
        after_step=table.take("after_step", _key, default="") if "after_step" in table.data else "",
        business_days=table.take("business_days", _whole, default=0),
    )


def _expires(table: _Table) -> tuple[Rule, ...]:
    if isinstance(table.data.get("expires"), list):
        return tuple(_rule(table.table("expires", index)) for index in range(len(table.data["expires"])))
    return (_rule(table.table("expires")),)


def _apart(table: _Table) -> Apart:
    table.only({"from", "by"})
    return Apart(steps=table.take("from", _names), by=table.take("by", _duration))


# -- what only shows when the steps stand together ----------------------------------------------------


def _check_together(source: _Source, sequence: Sequence) -> None:
    seen: set[str] = set()
    for index, step in enumerate(sequence.steps):
        table = _Table(source, {}, f"step {step.key!r}", index)
        if step.key in seen:
            raise table.error("key", "is there twice; a step's key is its identity")
        named = {
            rule.after_step for rule in (step.rule, step.otherwise) if isinstance(rule, CalendarRule)
        } - {""}
        for other in named - seen:
            raise table.error("after_step", f"{other!r} is no step before this one")
        for other in set(step.apart.steps if step.apart else ()) - {s.key for s in sequence.steps}:
            raise table.error("apart", f"{other!r} is no step of this sequence")
        seen.add(step.key)
    if sum(step.is_catchup for step in sequence.steps) > 1:
        raise CampaignError(source.file, 0, "two steps say catchup = true; there is one catch-up")
    if any(step.is_advice for step in sequence.steps) and sequence.catchup is None:
        raise CampaignError(source.file, 0, 'a step says late = "merge" but no step says catchup = true')
    _check_moments(source, sequence)


_SAMPLE_DAY = date(2026, 6, 17)
"""A Wednesday in a month without clock changes."""


def _check_moments(source: _Source, sequence: Sequence) -> None:
    """Lay the timetable on a sample interview at noon: every step must be due before it expires."""
    person, noon = Person(home_zone="UTC"), resolve(_SAMPLE_DAY, time(12), "UTC")
    past = noon - timedelta(days=300)
    passage = Passage(
        campaign=sequence.key, held_on=_SAMPLE_DAY, start_time=time(12), zone="UTC", requested_at=past, confirmed_at=past,
        moved_at=past, canceled_at=past, outcome="offer", outcome_at=noon + timedelta(days=3), decision_on=_SAMPLE_DAY,
    )  # fmt: skip
    person = replace(person, unsubscribed_at=past)
    dues: dict[str, datetime] = {}
    for index, step in enumerate(sequence.steps):
        table = _Table(source, {}, f"step {step.key!r}", index)
        window = step.window or sequence.window
        if isinstance(step.rule, CalendarRule) and "window" not in step.exempt:
            latest = (datetime.combine(_SAMPLE_DAY, step.rule.time) + sequence.jitter).time()
            if not window.opens <= step.rule.time <= latest <= window.closes:
                raise table.error(
                    "time", f"{step.rule.time} (and up to {sequence.jitter} later) is outside the window"
                )
        if step.is_catchup:
            continue
        due = due_moment(step, sequence, passage, person, dues=dues)
        if due is None:
            raise table.error("after", "counts from something unknown even when everything is known")
        dues[step.key] = due
        if due >= expiry(step, passage, person, due=due, dues=dues):
            raise table.error("expires", "this is over before the step is due; nobody would ever get it")


# -- reading one value --------------------------------------------------------------------------------


class _Source:
    """The text of a timetable, to find the line of a field in it: tomllib keeps none."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._lines = text.splitlines()

    def parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            raise CampaignError(self.file, int(found[1]) if found else 0, f"not TOML: {error}") from None

    def line(self, step: int, field: str) -> int:
        """The line of `field` in the step of that index; of the step itself, or 0, when it is not written."""
        starts = [n for n, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*step\s*\]\]", line)]
        if step >= len(starts):
            return 0
        begin = starts[step] if step >= 0 else 0
        end = starts[step + 1] if step + 1 < len(starts) else len(self._lines)
        for number in range(begin, end):
            if re.match(rf"\s*{re.escape(field)}\s*=", self._lines[number]):
                return number + 1
        return begin + 1 if step >= 0 else 0


class _Table:
    """One table of the file, read field by field with errors that name step, field and line."""

    def __init__(self, source: _Source, data: Any, name: str, step: int, field: str = "") -> None:
        self.source, self.data, self.name, self.step, self.field = source, data, name, step, field
        if not isinstance(data, Mapping):
            raise self.error(field, f"{data!r} is not a table; write it like {{ day = -2, time = 09:00:00 }}")

    def error(self, field: str, message: str) -> CampaignError:
        where = ", ".join(
            part for part in (self.name, (self.field and f"{self.field}.{field}") or field) if part
        )
        return CampaignError(
            self.source.file, self.source.line(self.step, self.field or field), f"{where}: {message}"
        )

    def only(self, known: set[str]) -> None:
        for key in self.data.keys() - known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"
            raise self.error(key, f"there is no such key{hint}")

    def take(self, field: str, read: Callable[[Any], T], *, default: Any = None) -> T:
        value = self.data.get(field, default)
        if value is None:
            raise self.error(field, "is missing")
        try:
            return read(value)
        except ValueError as error:
            raise self.error(field, str(error)) from None

    def table(self, field: str, index: int | None = None) -> _Table:
        value = self.data.get(field)
        if value is None:
            raise self.error(field, "is missing")
        return _Table(self.source, value if index is None else value[index], self.name, self.step, field)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value


def _key(value: Any) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise ValueError(f"{value!r} is not a key: small letters, digits and _, beginning with a letter")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list of step keys")
    return tuple(_key(item) for item in value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 366:
        raise ValueError(f"{value!r} is not a whole number of days within a year")
    return value


def _time(value: Any) -> time:
    if not isinstance(value, time):
        raise ValueError(f"{value!r} is not a time of day; write it like 09:00:00, without quotes")
    return value


def _window(value: Any) -> Window:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{value!r} is not a window; write it like [07:00:00, 20:00:00]")
    window = Window(opens=_time(value[0]), closes=_time(value[1]))
    if window.opens >= window.closes:
        raise ValueError(f"the window closes ({window.closes}) before it opens ({window.opens})")
    return window


def _duration(value: Any) -> timedelta:
    """`18h`, `1d 12h`, `-2h`, `9m`: real time."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found or not any(found.groups()[1:]):
        raise ValueError(f'{value!r} is not a length of time; write it like "18h", "9m", "1d 12h" or "-2h"')
    sign, days, hours, minutes = found.groups()
    length = timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0))
    return -length if sign else length


def _one_of(kind: type[E]) -> Callable[[Any], E]:
    def read(value: Any) -> E:
        try:
            return kind(value)
        except ValueError:
            near = difflib.get_close_matches(str(value), list(kind), n=1)
            hint = f"; did you mean {str(near[0])!r}?" if near else ""
            raise ValueError(f"{value!r} is none of: {', '.join(kind)}{hint}") from None

    return read


def _condition(value: Any) -> Condition:
    try:
        return compile_condition(_text(value))
    except ConditionError as error:
        raise ValueError(str(error)) from None


def _until(value: Any) -> bool:
    if value is False:
        return False
    if value != "outcome":
        raise ValueError(f'{value!r} is not known; until takes "outcome"')
    return True


def _exempt(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not set(value) <= {"gap", "window"}:
        raise ValueError(f'{value!r} is not a list of "gap" and "window"')
    return frozenset(value)


def _tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise ValueError("a sequence has at least one [[step]]")
    return value
