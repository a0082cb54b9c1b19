"""The duty that posts webhooks: taken from the outbox, signed, posted, and what came of it written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import structlog
from sqlalchemy.orm import Session

from delivery.http import KeptHttp, Reply
from delivery.provider import NotSent, Unknown
from delivery.public_places import BadPlace, Places
from delivery.redaction import quotable
from delivery.retry_after import seconds_to_wait
from runup.database import Database
from scheduler.braking import active_holds
from scheduler.outbox import Answer, note, receivers, take
from scheduler.transaction import transact
from scheduler.webhook import Webhook
from scheduler.webhook_message import Message, message_of
from scheduler.webhook_triggers import agree

log = structlog.get_logger(__name__)

TOGETHER = 8
TIMEOUT = 15.0
"""Seconds for one post, from the name's lookup to the last byte of the answer."""
AGREE_EVERY = timedelta(seconds=15)
"""A receiver that was added is posted to after that at the latest; what happens is written down at once."""
COPIES = frozenset({"moved_machine", "older_than_journal", "restored"})
"""Brakes that say this may be a copy: the original tells its receivers itself."""


@dataclass
class Poster:
    """Posts what is due, of every receiver, in order for each person. Any number of workers may.

    A message is posted at least once: a worker that dies between the answer and its record posts it again,
    under the same id. `keys` sign, the newest first.
    """

    database: Database
    clock: Callable[[], datetime]
    keys: Sequence[str] = field(repr=False)
    places: Places = field(default_factory=Places)
    stopped: threading.Event = field(default_factory=threading.Event)
    _agreed_at: datetime | None = field(default=None, init=False)
    _has_receivers: bool = field(default=False, init=False)

    def post(self) -> int:
        """Post all that is due now; returns how many messages were taken. Raises what the database raises."""
        self._agree()
        if not self._has_receivers or self._is_copy():
            return 0
        with self.database.read() as session:
            ids = receivers(session, now=self.clock())
        return sum(self._post_all(identity) for identity in ids)

    def _agree(self) -> None:
        now = self.clock()
        if self._agreed_at is None or not timedelta(0) <= now - self._agreed_at < AGREE_EVERY:
            self._has_receivers = transact(self.database, agree)
            self._agreed_at = now

    def _is_copy(self) -> bool:
        with self.database.read() as session:
            return any(hold.kind in COPIES for hold in active_holds(session))

    def _post_all(self, identity: int) -> int:
        """Batch by batch until the receiver fails or nothing is left; half a minute at most."""
        posted, ends = 0, self.clock() + timedelta(seconds=30)
        with ThreadPoolExecutor(TOGETHER, thread_name_prefix="webhook") as threads, ExitStack() as opened:
            http: KeptHttp | None = None
            while not self.stopped.is_set() and self.clock() < ends:
                url, messages = transact(self.database, partial(self._take, identity=identity))
                if not messages:
                    break
                if http is None:
                    http = client(url, self.places)
                    opened.callback(http.close)
                answers = list(threads.map(partial(call, http, url, now=self.clock()), messages))
                transact(self.database, partial(note, webhook_id=identity, answers=answers, now=self.clock()))
                posted += sum(answer.is_good for answer in answers)
                if any(answer.blames_receiver for answer in answers):
                    self._say(identity, answers)
                    break
        return posted

    def _take(self, session: Session, *, identity: int) -> tuple[str, list[Message]]:
        webhook = session.get(Webhook, identity)
        if webhook is None or webhook.state != "on":
            return "", []
        now = self.clock()
        posts = take(session, webhook, most=TOGETHER, now=now)
        return webhook.url, [message_of(session, webhook, post, keys=self.keys, now=now) for post in posts]

    def _say(self, identity: int, answers: Sequence[Answer]) -> None:
        worst = next(answer for answer in answers if answer.blames_receiver)
        log.warning("webhook_failed", webhook=identity, status=worst.status, error=worst.error)


def client(url: str, places: Places) -> KeptHttp:
    """Connections to the receiver's origin, and to no address that is not allowed, whatever its name says."""
    parts = urlsplit(url)
    is_plain = parts.scheme == "http"
    return KeptHttp(
        f"{parts.scheme}://{parts.netloc}",
        timeout=TIMEOUT,
        allow=lambda address: places.allow(address, is_plain=is_plain),
    )


def call(http: KeptHttp, url: str, message: Message, *, now: datetime) -> Answer:
    """One post. A redirect is an answer like another: nothing follows it."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        reply = http.exchange("POST", target, message.headers, message.body)
    except (NotSent, Unknown, BadPlace) as error:
        return Answer(message.post_id, 0, quotable(str(error)))
    except Exception as error:
        log.exception("webhook_bug", error=type(error).__name__)
        return Answer(message.post_id, 0, type(error).__name__)
    return Answer(message.post_id, reply.status, _words(reply), seconds_to_wait(reply.headers, fallback=now))


def _words(reply: Reply) -> str:
    if 200 <= reply.status < 300:
        return ""
    return quotable(f"HTTP {reply.status} {reply.body[:120].decode('utf-8', 'replace')}")
