"""SendGrid's event webhook, from SendGrid's side: events of what the fake took, signed, and posted to a site.

Three parts that are used apart. Building is pure and gives the same events for the same arguments:

    story(accept, "processed", "delivered", at=moment)          what one email came to
    duplicated(events, 46), renamed(events), about(events, "kiri@example.com"), lost(events, 0.1, dice)

Signing needs a key, posting a running site:

    signer = Signer()                                            RUNUP_SENDGRID_WEBHOOK_KEYS=signer.shown
    post(url, body_of(events), signer.headers(body, at=moment))  the status

and `Webhook` does all of it for whatever a fake has taken since the last time.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Event = dict[str, Any]

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"

_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "processed": {"send_at": 0},
    "deferred": {"response": "451 4.7.1 try again later", "attempt": "3", "tls": 1},
    "delivered": {"response": "250 2.0.0 OK", "ip": "192.0.2.7", "tls": 1},
    "bounce": {"reason": "550 5.1.1 <{to}>: user unknown", "status": "5.1.1", "type": "bounce",
               "ip": "192.0.2.7", "bounce_classification": "Invalid Address", "tls": 1},
    "blocked": {"reason": "550 5.7.1 blocked by a list", "status": "5.7.1", "type": "blocked",
                "ip": "192.0.2.7", "bounce_classification": "Reputation", "tls": 1},
    "dropped": {"reason": "Bounced Address", "status": "5.0.0"},
    "spamreport": {},
    "unsubscribe": {},
    "group_unsubscribe": {"useragent": "Mozilla/5.0", "ip": "192.0.2.8", "url": "", "asm_group_id": 10},
    "group_resubscribe": {"useragent": "Mozilla/5.0", "ip": "192.0.2.8", "url": "", "asm_group_id": 10},
    "open": {"useragent": "Mozilla/5.0", "ip": "192.0.2.8", "sg_machine_open": False,
             "sg_content_type": "html"},
    "click": {"useragent": "Mozilla/5.0", "ip": "192.0.2.8", "url": "https://runup.example.com/plan",
              "url_offset": {"index": 0, "type": "html"}},
}  # fmt: skip
"""What each kind carries besides the fields of all. `blocked` is a bounce of another type."""


class Taken(Protocol):
    """An email that SendGrid took; `sendgrid_fake.Accept` is one."""

    @property
    def mid(self) -> str: ...
    @property
    def att(self) -> str: ...
    @property
    def to(self) -> str: ...
    @property
    def message_id(self) -> str: ...


def build(kind: str, email: Taken, /, *, at: float, **changes: Any) -> Event:
    """One event as SendGrid's reference shows it, our custom arguments beside its own fields."""
    event: Event = {
        "email": email.to,
        "timestamp": int(at),
        "smtp-id": f"<{email.message_id}@geopod-ismtpd-1>",
        "event": "bounce" if kind == "blocked" else kind,
        "category": ["second_interview"],
        "sg_event_id": _event_id(email.mid, email.att, kind, int(at)),
        "sg_message_id": f"{email.message_id}.recvd-6f5d9-1-65F0A0-1.0",
        "mid": email.mid,
        "att": email.att,
    }
    more = {
        key: value.format(to=email.to) if key == "reason" else value for key, value in _FIELDS[kind].items()
    }
    return event | more | changes


def story(email: Taken, *kinds: str, at: float, every: float = 2.0) -> list[Event]:
    """What one email came to, `every` so many seconds a step."""
    return [build(kind, email, at=at + number * every) for number, kind in enumerate(kinds)]


def duplicated(events: Iterable[Event], times: int = 46) -> list[Event]:
    return [event for event in events for _ in range(times)]


def renamed(events: Iterable[Event]) -> list[Event]:
    """The same once more under another `sg_event_id`, as has been seen of retries."""
    return [event | {"sg_event_id": _event_id(event["sg_event_id"], "again")} for event in events]


def about(events: Iterable[Event], address: str) -> list[Event]:
    """The same of somebody else: SendGrid lies, or mixes people up."""
    return [event | {"email": address} for event in renamed(events)]


def lost(events: Iterable[Event], rate: float, dice: random.Random) -> list[Event]:
    """What is left when each is lost with this probability."""
    return [event for event in events if dice.random() >= rate]


def body_of(events: Iterable[Event]) -> bytes:
    """As SendGrid writes it: one line, and a line end that belongs to what is signed."""
    return orjson.dumps(list(events)) + b"\r\n"


class Signer:
    """The key pair behind "Signed Event Webhook"."""

    def __init__(self, *, curve: ec.EllipticCurve | None = None) -> None:
        self._key = ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def shown(self) -> str:
        """The verification key as SendGrid's page shows it."""
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    @property
    def pem(self) -> str:
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def headers(self, body: bytes, *, at: float) -> dict[str, str]:
        timestamp = str(int(at))
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return {TIMESTAMP: timestamp, SIGNATURE: base64.b64encode(signature).decode()}


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float = 30.0) -> int:
    """Post to the site at `url`, on a connection of its own as SendGrid's many servers do; the status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    try:
        connection.request(
            "POST",
            "/webhooks/sendgrid",
            body,
            {"Content-Type": "application/json", "User-Agent": "SendGrid Event API", **headers},
        )
        return connection.getresponse().status
    finally:
        connection.close()


class Webhook:
    """Tells the site at `url` what became of all that a fake has taken: `taken` is its growing list.

    Nothing is told before `tell`, so that a test decides when, in which order, and what gets lost. What the
    site does not acknowledge is told again by the next `tell`, as SendGrid does.
    """

    def __init__(
        self,
        taken: list[Any],
        url: str,
        *,
        signer: Signer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.signer = signer or Signer()
        self.statuses: list[int] = []
        """What the site answered; 0: nothing."""
        self.taken, self.url, self.clock = taken, url, clock
        self._told = 0
        self._waiting: list[list[Event]] = []

    def tell(
        self,
        *kinds: str,
        of: Iterable[Taken] | None = None,
        change: Callable[[list[Event]], list[Event]] = lambda events: events,
        batch: int = 1000,
    ) -> bool:
        """Post what happened since, or what happened to `of`, `change`d on its way; whether the site
        acknowledged all of it. `kinds`: processed and delivered unless others are named."""
        now = self.clock()
        if of is None:
            of = self.taken[self._told :]
            self._told = len(self.taken)
        happened = (story(email, *(kinds or ("processed", "delivered")), at=now) for email in of)
        events = change([event for events in happened for event in events])
        self._waiting += [events[first : first + batch] for first in range(0, len(events), batch)]
        self._waiting = [events for events in self._waiting if not self._is_acknowledged(events)]
        return not self._waiting

    def _is_acknowledged(self, events: list[Event]) -> bool:
        body = body_of(events)
        headers = self.signer.headers(body, at=self.clock())
        try:
            self.statuses.append(post(self.url, body, headers))
        except OSError:  # nobody listens there just now
            self.statuses.append(0)
        return self.statuses[-1] // 100 == 2


def _event_id(*parts: object) -> str:
    digest = hashlib.sha256(repr(parts).encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
