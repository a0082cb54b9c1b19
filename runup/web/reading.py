"""Reads the small forms of the plan page: a value, or what is wrong with it, in words for the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from enum import StrEnum
from typing import TypeVar

from runup.web.forms import Fields
from subscribers import parse_day, parse_time
from subscribers.wording import Said

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class InvalidFields(ValueError):
    """What is wrong, per field, in words for the person who typed it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {message}" for name, message in self.errors.items()))


def read_day(fields: Fields, name: str) -> date | None:
    """The day, None when the field is empty. Raises InvalidFields."""
    return _read(fields, name, parse_day)


def require_day(fields: Fields, name: str) -> date:
    day = read_day(fields, name)
    if day is None:
        raise InvalidFields({name: Said("please enter the day")})
    return day


def read_time(fields: Fields, name: str) -> time | None:
    """The wall time, None when the field is empty. Raises InvalidFields."""
    return _read(fields, name, parse_time)


def read_choice(fields: Fields, name: str, kind: type[E]) -> E:
    """One of the choices. Raises InvalidFields, also for none."""
    try:
        return kind(fields.get(name, ""))
    except ValueError:
        raise InvalidFields({name: Said("please choose one of these")}) from None


def _read(fields: Fields, name: str, parse: Callable[[str], T]) -> T | None:
    value = fields.get(name, "")
    try:
        return parse(value) if value else None
    except ValueError as error:
        raise InvalidFields({name: str(error)}) from None
