"""Reads the small forms of the plan page: a value, or what is wrong with it, in words for the field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from enum import StrEnum
from typing import TypeVar

from runup.web.forms import Fields

E = TypeVar("E", bound=StrEnum)


class InvalidFields(ValueError):
    """What is wrong, per field, in words for the person who typed it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {message}" for name, message in self.errors.items()))


def read_day(fields: Fields, name: str) -> date | None:
    """The day, None when the field is empty. Raises InvalidFields."""
    value = fields.get(name, "")
    if not value:
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        raise InvalidFields({name: "this is not a day of the calendar; write it like 2026-12-04"}) from None


def require_day(fields: Fields, name: str) -> date:
    day = read_day(fields, name)
    if day is None:
        raise InvalidFields({name: "please enter the day"})
    return day


def read_time(fields: Fields, name: str) -> time | None:
    """The wall time, None when the field is empty. Raises InvalidFields."""
    value = fields.get(name, "")
    if not value:
        return None
    for notation in ("%H:%M", "%H:%M:%S"):
        try:
            return datetime.strptime(value, notation).time()  # noqa: DTZ007 - a wall time has no zone
        except ValueError:
            continue
    raise InvalidFields({name: "this is not a time of day; write it like 14:00"})


def read_choice(fields: Fields, name: str, kind: type[E]) -> E:
    """One of the choices. Raises InvalidFields, also for none."""
    try:
        return kind(fields.get(name, ""))
    except ValueError:
        raise InvalidFields({name: "please choose one of these"}) from None
