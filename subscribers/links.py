from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from itsdangerous import BadData, URLSafeSerializer


class Purpose(StrEnum):
    """What a link is for; the first part of its path. A token of one purpose is worthless for another."""

    CONFIRM = "confirm"
    PLAN = "plan"
    UNSUBSCRIBE = "unsubscribe"
    CALENDAR = "calendar"
    FEED = "feed"
    KEEP = "keep"
    """From the page that says goodbye: to say what was not meant to stop."""
    LEAVE = "leave"
    """Off one newsletter list."""
    JOIN = "join"
    """The yes to the newsletters somebody asked for with the address."""
    NEWSLETTERS = "newsletters"
    """The newsletters somebody gets, to choose again."""
    CLICK = "c"
    """To where a link of an email leads, where clicks are counted."""
    OPEN = "o"
    """The picture that is fetched when an email is opened, where opens are counted."""


class InvalidLink(ValueError):
    """Forged, cut, or made for something else. One message for all: a probe learns nothing."""

    def __init__(self) -> None:
        super().__init__("this link does not work")


@dataclass(frozen=True)
class Links:
    """Signs and reads our links. `keys`: newest first; older ones still open what they signed.

    A token carries the id of an interview (CONFIRM, PLAN, CALENDAR), of a subscriber (UNSUBSCRIBE, FEED,
    KEEP, NEWSLETTERS), of a subscription (LEAVE, JOIN), of a send (OPEN), or of a send and a target (CLICK),
    and no clock: what has an end in time says so in its row.
    """

    keys: Sequence[str] = field(repr=False)
    base_url: str

    def url(self, purpose: Purpose, identity: int, *, action: str = "") -> str:
        """The whole address, e.g. `https://…/plan/TOKEN/move` for `action="move"`."""
        end = f"/{action}" if action else ""
        return f"{self.base_url.rstrip('/')}/{purpose}/{self.sign(purpose, identity)}{end}"

    def sign(self, purpose: Purpose, identity: int) -> str:
        return _sign(self.keys[0], purpose, identity)

    def read(self, purpose: Purpose, token: str) -> int:
        """The id inside `token`, or InvalidLink."""
        try:
            token.encode("ascii")
            identity = _serializer(self.keys, purpose).loads(token)
        except (BadData, ValueError, RecursionError):
            raise InvalidLink from None
        # A bool is an int to isinstance, and the token could be an old format.
        if type(identity) is not int:
            raise InvalidLink
        # base64 lets the last bits and foreign characters pass; one id has one spelling per key.
        if not any(hmac.compare_digest(_sign(key, purpose, identity), token) for key in self.keys):
            raise InvalidLink
        return identity


def _sign(key: str, purpose: Purpose, identity: int) -> str:
    return str(_serializer([key], purpose).dumps(identity))


def _serializer(keys: Sequence[str], purpose: Purpose) -> URLSafeSerializer:
    # itsdangerous wants the newest key last.
    return URLSafeSerializer(
        list(reversed(keys)),
        salt=f"runup.{purpose}",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
