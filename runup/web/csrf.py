"""Proof that a form came from a page of ours: a double submit, and what the browser says of its origin."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.requests import Request
from starlette.responses import Response

FIELD = "form_token"
VALID_FOR = timedelta(hours=24)
_NONCE = re.compile(r"[A-Za-z0-9_-]{22}")


class ForeignForm(Exception):
    """The browser says that the form was sent from another site."""


class StaleForm(Exception):
    """No valid form token: the page lay open too long, or the browser keeps no cookie. Sending it again from
    a fresh page helps."""


@dataclass(frozen=True)
class SentForm:
    """A form of ours that came back: its token, which no other page has, and how long it was open."""

    token: str
    age: timedelta


@dataclass(frozen=True)
class Csrf:
    """Issues and checks form tokens. `keys`: newest first, as for links.

    The browser holds a random nonce in a cookie; the page holds a signature over that nonce, the time and
    some salt. The nonce itself is never in a page, so a compressed page leaks nothing about it by its size.
    """

    keys: Sequence[str] = field(repr=False)
    base_url: str

    @property
    def cookie_name(self) -> str:
        # The prefix makes browsers refuse the cookie from a subdomain; it needs https.
        return "__Host-runup-form" if self._is_https else "runup-form"

    def nonce(self, request: Request) -> str:
        """The browser's nonce, or a new one; every page with a form gives it back with `remember`."""
        known = request.cookies.get(self.cookie_name, "")
        return known if _NONCE.fullmatch(known) else secrets.token_urlsafe(16)

    def token(self, nonce: str, *, now: datetime) -> str:
        return self._signer(nonce).sign(f"{int(now.timestamp())}-{secrets.token_hex(4)}").decode()

    def remember(self, response: Response, nonce: str) -> None:
        response.set_cookie(
            self.cookie_name, nonce, httponly=True, samesite="lax", secure=self._is_https, path="/"
        )

    def check(self, request: Request, token: str, *, now: datetime) -> SentForm:
        """Raises ForeignForm or StaleForm."""
        self._check_origin(request)
        nonce = request.cookies.get(self.cookie_name, "")
        try:
            signed = self._signer(nonce).unsign(token).decode()
        except (BadSignature, UnicodeError):
            raise StaleForm from None
        age = now.timestamp() - int(signed.partition("-")[0])
        if not 0 <= age + 1 <= VALID_FOR.total_seconds():
            raise StaleForm
        return SentForm(token, timedelta(seconds=age))

    def _check_origin(self, request: Request) -> None:
        site = request.headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            raise ForeignForm
        origin = request.headers.get("origin")
        # Pages without referrer send "null" from our own forms too: the token decides about those.
        if origin is None or origin == "null":
            return
        ours = {urlsplit(self.base_url).netloc, request.headers.get("host", "")}
        if urlsplit(origin).netloc not in ours:
            raise ForeignForm

    @property
    def _is_https(self) -> bool:
        return self.base_url.startswith("https:")

    def _signer(self, nonce: str) -> Signer:
        # itsdangerous wants the newest key last.
        return Signer(
            list(reversed(self.keys)),
            salt=f"runup.form.{nonce}",
            digest_method=hashlib.sha256,
            key_derivation="hmac",
        )
