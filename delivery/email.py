from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True)
class Email:
    """The finished message handed to a provider: everything it needs and nothing of ours but `reference`.

    `reference` (opaque, 128 random bits) and `attempt` come back in the provider's events; neither says
    anything about a person. `date` is the moment of the intent, aware. `unsubscribe_url` takes an RFC 8058
    one-click POST; it is empty for emails that are not part of a list, such as a confirmation.

    Raises ValueError when a value bound for a header holds a control character (hazards H6, H7).
    """

    reference: str
    attempt: int
    sender: str
    sender_name: str
    recipient: str
    recipient_name: str = ""
    reply_to: str = ""
    subject: str
    html: str = field(repr=False)
    text: str = field(repr=False)
    date: datetime
    unsubscribe_url: str = field(default="", repr=False)
    list_id: str = ""
    """RFC 2919, without the angle brackets: `second-interview.runup.example.com`."""
    categories: tuple[str, ...] = ()
    """What the operator sees in the provider's own statistics, e.g. `("second_interview", "details")`."""

    def __post_init__(self) -> None:
        if self.date.tzinfo is None:
            raise ValueError(f"{self.date!r} has no time zone")
        for name in _HEADER_FIELDS:
            if _CONTROL.search(getattr(self, name)):
                raise ValueError(f"{name} holds a control character; a header takes none")

    def __repr__(self) -> str:
        # Addresses stay out of logs and tracebacks (invariant 21).
        return f"Email(reference={self.reference!r}, attempt={self.attempt})"

    @property
    def message_id(self) -> str:
        """RFC 5322 Message-ID, the same for the same attempt however often it is serialized."""
        return f"<{self.reference}.{self.attempt}@{self.sender.rpartition('@')[2]}>"


_HEADER_FIELDS = (
    "reference",
    "sender",
    "sender_name",
    "recipient",
    "recipient_name",
    "reply_to",
    "subject",
    "unsubscribe_url",
    "list_id",
)
