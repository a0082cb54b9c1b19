"""What we hear of an email after it left, in our own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventType(StrEnum):
    """What became of an email, or what its reader did. Every feed translates its own words to these."""

    PROCESSED = "processed"
    """The provider has it in hand: the proof that it was accepted."""
    DEFERRED = "deferred"
    """The receiving server asked to come again later."""
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    """The receiving server refused it."""
    DROPPED = "dropped"
    """The provider took it and did not try to deliver it."""
    COMPLAINED = "complained"
    """The reader called it spam."""
    UNSUBSCRIBED = "unsubscribed"
    """The reader left by the provider's own link or header."""
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, kw_only=True)
class DeliveryEvent:
    """One thing a feed told us, once: `id` is the feed's own, at most 100 characters, the same each time.

    `reference` and `attempt` are those of the Email, brought back (`attempt` 0: the feed does not tell).
    `address` is whom the feed says it was for, "" when it does not say; whoever applies it compares.
    `is_permanent`, of a bounce or a drop: the address is to blame and will not work later either. `detail` is
    what the server said, on one line without addresses (delivery.redaction.quotable). Aware UTC.
    """

    id: str
    reference: str
    attempt: int = 0
    type: EventType
    occurred_at: datetime
    address: str = field(default="", repr=False)
    is_permanent: bool = False
    detail: str = ""
