"""One value of a timetable file: what it may be, and what to write instead. Each raises ValueError."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from jinja2.meta import find_undeclared_variables

from campaigns.expressions import Condition, ConditionError, compile_condition
from campaigns.languages import is_language
from campaigns.sandbox import runtime_environment
from campaigns.sequence import Window

E = TypeVar("E", bound=StrEnum)

_environment = runtime_environment(escape=False)

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DURATION = re.compile(r"(-?)(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?")


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value


def language(value: Any) -> str:
    if not isinstance(value, str) or not is_language(value):
        raise ValueError(f"{value!r} is not a language; write its two letters, like 'de'")
    return value


def titles(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a table; write it like {{ de = 'Eine Ebene tiefer' }}")
    return {language(code): text(title) for code, title in value.items()}


def key(value: Any) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise ValueError(f"{value!r} is not a key: small letters, digits and _, beginning with a letter")
    return value


def names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list of step keys")
    return tuple(key(item) for item in value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 366:
        raise ValueError(f"{value!r} is not a whole number of days within a year")
    return value


def count(value: Any) -> int:
    if whole(value) < 0:
        raise ValueError(f"{value!r} is negative; business days are counted forwards")
    return int(value)


def wall_time(value: Any) -> time:
    if not isinstance(value, time):
        raise ValueError(f"{value!r} is not a time of day; write it like 09:00:00, without quotes")
    return value


def window(value: Any) -> Window:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{value!r} is not a window; write it like [07:00:00, 20:00:00]")
    window = Window(opens=wall_time(value[0]), closes=wall_time(value[1]))
    if window.opens >= window.closes:
        raise ValueError(f"the window closes ({window.closes}) before it opens ({window.opens})")
    return window


def duration(value: Any) -> timedelta:
    """`18h`, `1d 12h`, `-2h`, `9m`: real time."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found or not any(found.groups()[1:]):
        raise ValueError(f'{value!r} is not a length of time; write it like "18h", "9m", "1d 12h" or "-2h"')
    sign, days, hours, minutes = found.groups()
    length = timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0))
    return -length if sign else length


def span(value: Any) -> timedelta:
    """A duration of zero or more."""
    length = duration(value)
    if length < timedelta():
        raise ValueError(f'{value!r} is negative; write a length such as "18h"')
    return length


def one_of(kind: type[E]) -> Callable[[Any], E]:
    def read(value: Any) -> E:
        try:
            return kind(value)
        except ValueError:
            near = difflib.get_close_matches(str(value), list(kind), n=1)
            hint = f"; did you mean {str(near[0])!r}?" if near else ""
            raise ValueError(f"{value!r} is none of: {', '.join(kind)}{hint}") from None

    return read


def condition(value: Any) -> Condition:
    try:
        found = compile_condition(text(value))
        asked = find_undeclared_variables(_environment.parse("{{ (" + found.source + "\n) }}"))
        if beyond := asked - {"interview", "subscriber"} - _environment.globals.keys():
            raise ConditionError(
                f"`{min(beyond)}` is unknown when an email is planned; ask about the interview"
            )
        return found
    except ConditionError as error:
        raise ValueError(str(error)) from None


def until(value: Any) -> bool:
    if value is False:
        return False
    if value != "outcome":
        raise ValueError(f'{value!r} is not known; until takes "outcome"')
    return True


def exempt(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not set(value) <= {"gap", "window"}:
        raise ValueError(f'{value!r} is not a list of "gap" and "window"')
    return frozenset(value)


def tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise ValueError("a sequence has at least one [[step]]")
    return value
