"""How dates, clocks, zones and lists are spelled for a reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from babel.dates import format_date, format_skeleton, get_timezone_location
from babel.lists import format_list
from jinja2 import pass_context
from jinja2.runtime import Context as JinjaContext

from campaigns.languages import language_of


class LinkError(ValueError):
    """An address that must not stand behind a link. Does not tell the address."""


SCHEMES = ("https", "http", "mailto")
_LONG, _SHORT, _WEEKDAY = "EEEE d MMMM y", "EEE d MMM", "EEEE"
_SHORT_ELSEWHERE = "MMMEd"
"""What a short day consists of; each language has its own order and stops."""
_SHORT_WEEKDAY, _SHORT_MONTH, _NUMBER = "ccc", "LLL", "d"
_ZONE_OF_A_PLACE = {"en": "{} time", "de": "Ortszeit {}"}
# Written with a vowel and spoken with a consonant, or the other way round.
_SPOKEN = dict.fromkeys(["hour", "honest", "heir", "eu"], "an")
_SPOKEN |= dict.fromkeys(["one", "once", "uni", "use", "user", "usual", "european", "ux", "uk", "us"], "a")
_LETTERS_WITH_AN = frozenset("AEFHILMNORSX")
_PLAIN_ADDRESS = re.compile(r"(?:https?://|mailto:)[\w.~:/?#@!$&*+,;=%-]+", re.ASCII)
_QUOTED = {character: f"%{ord(character):02X}" for character in "\"'<>()\\ `{}"}


@lru_cache(maxsize=4096)
def _spell(day: date, pattern: str, locale: str) -> str:
    return format_date(day, pattern, locale=locale)


def _day_of(value: date | datetime) -> date:
    if not isinstance(value, date):  # babel would take None for today
        raise TypeError("no date")
    return value.date() if isinstance(value, datetime) else value


@pass_context
def day(context: JinjaContext, value: date | datetime) -> str:
    """Friday 4 December 2026"""
    locale = _locale(context)
    return _spell(_day_of(value), _LONG if locale.startswith("en") else "full", locale)


@pass_context
def short_day(context: JinjaContext, value: date | datetime) -> str:
    """Fri 4 Dec"""
    locale = _locale(context)
    if locale.startswith("en"):
        return _spell(_day_of(value), _SHORT, locale)
    return format_skeleton(_SHORT_ELSEWHERE, _day_of(value), locale=locale)


@pass_context
def weekday(context: JinjaContext, value: date | datetime) -> str:
    """Friday"""
    return _spell(_day_of(value), _WEEKDAY, _locale(context))


@pass_context
def leaf(context: JinjaContext, value: date | datetime) -> tuple[str, str, str]:
    """What a calendar's leaf shows of a day: Fri, 4, Dec."""
    locale = _locale(context)
    weekday, number, month = (
        _spell(_day_of(value), pattern, locale) for pattern in (_SHORT_WEEKDAY, _NUMBER, _SHORT_MONTH)
    )
    return weekday, number, month


def clock(value: time | datetime) -> str:
    """14:00, on the clock that the value itself is on."""
    return f"{value:%H:%M}"


@pass_context
def moment(context: JinjaContext, value: datetime) -> str:
    """Friday 4 December 2026, 14:00"""
    return f"{day(context, value)}, {clock(value)}"


@pass_context
def zone(context: JinjaContext, name: str) -> str:
    """`Europe/Berlin` as "Berlin time"; a zone without a place as its distance from UTC."""
    if not isinstance(name, str):
        raise TypeError("no zone")
    return _zone_label(name, _locale(context))


@lru_cache(maxsize=2048)
def _zone_label(name: str, locale: str) -> str:
    if name.startswith("Etc/GMT") and name[7:8] in "+-" and name[8:]:
        return f"UTC{'-' if name[7] == '+' else '+'}{name[8:]}"  # POSIX counts westwards, people do not
    if "/" not in name or name.startswith("Etc/"):
        return (
            "UTC"
            if name in ("UTC", "Etc/UTC", "Zulu", "GMT", "Etc/GMT")
            else _in_words(name.replace("_", " "), locale)
        )
    try:
        city = get_timezone_location(name, locale=locale, return_city=True).rsplit("/", 1)[-1]
    except LookupError:
        city = name.rsplit("/", 1)[-1].replace("_", " ")
    return _in_words(city, locale)


def _in_words(place: str, locale: str) -> str:
    """In a language that we have no words for, the place alone."""
    return _ZONE_OF_A_PLACE.get(language_of(locale), "{}").format(place)


def article(value: str) -> str:
    """ "a panel", "an offer", "an HR role"."""
    if value is None:
        raise TypeError("no word")
    text = str(value)
    first = text.split(" ")[0].split("-")[0]
    return f"{_article_of(first)} {text}" if first else text


def _article_of(word: str) -> str:
    if spoken := _SPOKEN.get(word.lower()):
        return spoken
    if word.isupper() and 1 < len(word) < 5:  # spelled out letter by letter: an MBA, a PhD
        return "an" if word[0] in _LETTERS_WITH_AN else "a"
    if word.lower().startswith(("uni", "eur", "use")):
        return "a"
    return "an" if word[:1].lower() in tuple("aeiou") else "a"


@pass_context
def sentence_list(context: JinjaContext, values: Iterable[object]) -> str:
    """a, b and c"""
    words, locale = [str(value) for value in values], _locale(context)
    if not locale.startswith("en"):
        return format_list(words, locale=locale) if words else ""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def link(value: object) -> str:
    """The address behind an `href` or `src`. Added by the compiler to every one of them, never by authors.

    Refuses every scheme but https, http and mailto (`javascript:` in a stored address must not reach a
    reader), and an empty address, which would be a button that does nothing.
    """
    if _PLAIN_ADDRESS.fullmatch(text := str(value)):
        return text
    address = "".join(character for character in text if character > " ")
    if urlsplit(address).scheme.lower() not in SCHEMES:
        raise LinkError("a link must start with https:, http: or mailto:")
    return "".join(_QUOTED.get(character, character) for character in address)


def parse_time(text: str) -> time:
    """`time("09:00")` in a condition or a template."""
    return time.fromisoformat(text)


def parse_date(text: str) -> date:
    """`date("2026-12-04")` in a condition or a template."""
    return date.fromisoformat(text)


def _locale(context: JinjaContext) -> str:
    return str(context["locale"]).replace("-", "_")


FILTERS: dict[str, Callable[..., Any]] = {
    "day": day,
    "short_day": short_day,
    "weekday": weekday,
    "leaf": leaf,
    "clock": clock,
    "moment": moment,
    "zone": zone,
    "a": article,
    "sentence_list": sentence_list,
    "link": link,
}
