"""A canary: an email to the operator, sent to see whether the feed of events is alive.

A small list sends too little to tell a silent feed from an email that was never accepted. When something is
in doubt and nothing else can tell, one email to the operator's own address asks the feed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from delivery.email import Email
from delivery.provider import DeliveryError, Provider, Unknown
from runup.database import Database
from scheduler.composing import Sender
from scheduler.doubt import MOST_RESENDS
from scheduler.feed import USUAL, can_only_a_canary_tell
from scheduler.gauges import Canary
from scheduler.outcomes import OK
from scheduler.send import Send, State, is_in
from scheduler.transaction import transact

log = structlog.get_logger(__name__)

SUBJECT = "Checking that we hear from the email provider"
TEXT = """An email could not be confirmed as sent, and too little was sent since to tell why.
This one asks the provider's event feed whether it is alive. Nothing needs to be done.

If these keep coming, run: runup doctor
"""
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Aviary:
    """Sends a canary to `address` when one is needed. Without an address it never does."""

    database: Database
    provider: Provider
    sender: Sender
    clock: Callable[[], datetime]
    address: str = ""

    def look(self) -> bool:
        """Send one if something is in doubt that only a canary can tell about; returns whether it did."""
        if not self.address:
            return False
        reference = transact(self.database, self._intend)
        if not reference:
            return False
        kind = self._sing(reference)
        transact(
            self.database,
            lambda s: s.execute(update(Canary).where(Canary.reference == reference).values(kind=kind)),
        )
        return True

    def _intend(self, session: Session) -> str:
        now = self.clock()
        # Not the newest of all: where doubts keep coming, that one would never be old enough.
        old = (is_in(State.IN_DOUBT), Send.resends < MOST_RESENDS, Send.intent_at <= now - USUAL)
        newest = session.scalar(select(func.max(Send.intent_at)).where(*old))
        if newest is None or not can_only_a_canary_tell(session, newest, now=now):
            return ""
        session.execute(delete(Canary).where(Canary.sent_at < now - KEPT_FOR))
        canary = Canary(reference=secrets.token_hex(16), sent_at=now)
        session.add(canary)
        return canary.reference

    def _sing(self, reference: str) -> str:
        try:
            self.provider.deliver(
                Email(
                    reference=reference,
                    attempt=1,
                    sender=self.sender.address,
                    sender_name=self.sender.name,
                    recipient=self.address,
                    subject=SUBJECT,
                    html=f'<!doctype html><html lang="en"><body><pre>{TEXT}</pre></body></html>',
                    text=TEXT,
                    date=self.clock(),
                    categories=("runup", "canary"),
                )
            )
        except DeliveryError as error:
            return error.kind
        except Exception as error:  # a provider that lies about its errors must not keep others waiting
            log.exception("provider_bug", provider=self.provider.name, error=type(error).__name__)
            return Unknown.kind
        return OK
