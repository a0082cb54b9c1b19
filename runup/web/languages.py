"""The languages of the site: which one a visitor reads, and what our words are in it.

The words of the pages are written in English where they stand; `locale/<language>.po` has them in the others.
A message that a room has made (`subscribers.wording.Said`) is translated by its template here, at the door.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from subscribers.wording import Said

DEFAULT = "en"
LANGUAGES = {"en": "English", "de": "Deutsch"}
"""By code, as their own speakers call them. One more: its .po file and a line here."""
_LOCALES = {"en": "en_GB", "de": "de"}
"""How days and hours are written when the browser names no country."""
COOKIE = "runup-language"
_A_YEAR = 365 * 86_400
_MOST_WISHES = 20

_locale: ContextVar[str] = ContextVar("locale", default=_LOCALES[DEFAULT])
_can_be_asked_again: ContextVar[bool] = ContextVar("can_be_asked_again", default=False)


def language() -> str:
    """Of the page that is being made: a key of LANGUAGES."""
    return _locale.get().partition("_")[0]


def locale() -> str:
    """How days and hours are written on it: `en_US`, `de_AT`."""
    return _locale.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Inside, our words are in this language (English where we have no words in it), whoever asks: calendar
    programs ask for their owners and say nothing of a language."""
    token = _locale.set(_LOCALES.get(code.replace("-", "_").partition("_")[0], _LOCALES[DEFAULT]))
    try:
        yield
    finally:
        _locale.reset(token)


def others() -> dict[str, str]:
    """The other languages the page can be had in by asking for it again: none for an answer to a form."""
    mine = language()
    return {code: name for code, name in LANGUAGES.items() if code != mine and _can_be_asked_again.get()}


def gettext(message: str) -> str:
    """`message` in the reader's language; itself where nobody has translated it."""
    if isinstance(message, Said):
        text = _words(language()).gettext(message.template)
        return text % message.values if message.values else text
    return _words(language()).gettext(message) if message else message


def ngettext(one: str, many: str, number: int) -> str:
    return _words(language()).ngettext(one, many, number)


@cache
def _words(code: str) -> NullTranslations:
    file = files("runup.web").joinpath("locale", f"{code}.po")
    if code == DEFAULT or not file.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


class Languages:
    """Finds the language of each request: what the address asks for (`?lang=de`, remembered), what was asked
    for before, what the browser prefers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, query = Headers(scope=scope), QueryParams(scope["query_string"])
        asked = query.get("lang", "") if query.get("lang") in LANGUAGES else ""
        kept = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        token = _locale.set(choose(asked or kept, headers.get("accept-language", "")))
        again = _can_be_asked_again.set(scope["method"] in ("GET", "HEAD"))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), asked)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            _locale.reset(token)
            _can_be_asked_again.reset(again)


def choose(wish: str, accepted: str) -> str:
    """The locale for who asked for language `wish` ("" for none) and whose browser sends `accepted`."""
    for tag in _by_preference(accepted):
        found = _known(tag)
        if found and (not wish or found.partition("_")[0] == wish):
            return found
    return _LOCALES.get(wish, _LOCALES[DEFAULT])


def _by_preference(accepted: str) -> Iterator[str]:
    """The tags of an Accept-Language header, the most wanted first; what cannot be read is passed over."""
    wishes = []
    for position, part in enumerate(accepted.split(",")[:_MOST_WISHES]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wishes.append((-float(quality or 1), position, tag.strip()))
        except ValueError:
            continue
    return (tag for weight, _, tag in sorted(wishes) if weight < 0)


def _known(tag: str) -> str:
    code = tag.partition("-")[0].lower()
    if code not in LANGUAGES:
        return ""
    try:
        parsed = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return _LOCALES[code]
    return f"{code}_{parsed.territory}" if parsed.territory else _LOCALES[code]


def _mark(headers: MutableHeaders, asked: str) -> None:
    if headers.get("content-type", "").startswith("text/html"):
        headers["Content-Language"] = language()
        headers.add_vary_header("Accept-Language")
    if asked:
        headers.append("Set-Cookie", f"{COOKIE}={asked}; Max-Age={_A_YEAR}; Path=/; HttpOnly; SameSite=Lax")
