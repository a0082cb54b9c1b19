from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener


@dataclass
class Form:
    """A form as it stands in a page: where it goes and what it would send untouched."""

    action: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """What a browser without JavaScript got."""

    url: str
    html: str
    forms: tuple[Form, ...]

    def form(self, ending: str) -> Form:
        """The form whose address ends so."""
        return next(form for form in self.forms if form.action.endswith(ending))


class Visitor:
    """A person with a browser, as far as the site can tell: follows links, fills forms, keeps its cookies.

    `languages` are those the browser prefers, as it tells them: `de-AT,de;q=0.9`.
    """

    def __init__(self, languages: str = "") -> None:
        # Never through a proxy of the environment: the site is on this machine.
        self._opener: OpenerDirector = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))
        if languages:
            self._opener.addheaders.append(("Accept-Language", languages))

    def open(self, url: str) -> Page:
        return self._send(Request(url))  # noqa: S310 - our own site's address

    def submit(self, page: Page, ending: str, values: Mapping[str, str]) -> Page:
        """Fill the form whose action ends in `ending` and send it, as its button would."""
        form = page.form(ending)
        body = urlencode(form.values | dict(values)).encode()
        return self._send(Request(urljoin(page.url, form.action), data=body))  # noqa: S310

    def _send(self, request: Request) -> Page:
        try:
            with self._opener.open(request, timeout=20) as answer:
                html = answer.read().decode()
                return Page(answer.url, html, tuple(_forms(html)))
        except HTTPError as error:
            with error:
                raise RuntimeError(f"{request.get_method()} answered {error.code} {error.reason}") from None


def _forms(html: str) -> list[Form]:
    parser = _Forms()
    parser.feed(html)
    return parser.found


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        names = dict(attrs).keys()
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
        elif tag == "select":
            self._select = given.get("name", "")
        elif not self.found:
            return
        elif tag == "option" and self._select and "selected" in names:
            self.found[-1].values[self._select] = given.get("value", "")
        elif tag == "input" and given.get("name"):
            chosen = given.get("type") not in ("radio", "checkbox") or "checked" in names
            if chosen:
                self.found[-1].values[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
