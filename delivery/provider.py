from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from delivery.email import Email


@dataclass(frozen=True)
class Accepted:
    """The provider took the email. `message_id` is its own id ("" when it gives none), `status` its code."""

    message_id: str = ""
    status: int = 0


class Provider(Protocol):
    """One way for an email to leave. Called from several threads at once; keeps its connections."""

    name: str

    def deliver(self, email: Email) -> Accepted:
        """Hand `email` over once, within CALL_TIMEOUT seconds, and never retry.

        Returns only when the provider has acknowledged it. Raises NotSent, Rejected, AccountRefused or
        Unknown and nothing else: the caller decides what a failure means from these four.
        """
        ...

    def close(self) -> None:
        """Give the connections back. The provider is not used afterwards."""
        ...


class Witness(Protocol):
    """A provider that can tell afterwards what it has taken."""

    def was_accepted(self, reference: str, attempt: int) -> bool | None:
        """True: it has that attempt; False: it never took it; None: it cannot tell. Either is for certain."""
        ...


class Timekeeper(Protocol):
    """A provider whose server tells what time it is."""

    def server_time(self) -> datetime | None:
        """Asks now, without a key; aware UTC, and None when it cannot be learned within some seconds."""
        ...


CALL_TIMEOUT = 20.0
"""Seconds a whole call may take, connection included. The lease and the last checks are built on it."""


class DeliveryError(Exception):
    """A call that was not acknowledged. `kind` is the letter of the table in docs/reference/delivery.md.

    `status` is the provider's code (0 without one); the message names no address and no secret.
    """

    kind: ClassVar[str]

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotSent(DeliveryError):
    """Certainly not accepted: trying again cannot make a second copy.

    `retry_after` is the provider's own wish in seconds, None when it has none.
    """

    kind = "N"

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class Rejected(DeliveryError):
    """The provider refuses this email and would refuse it again.

    `blames_recipient`: for whom it is addressed to; the same words to somebody else may be welcome.
    `is_address_gone`: the receiving server itself says that this address takes no mail, today or later.
    """

    kind = "R"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        blames_recipient: bool = False,
        is_address_gone: bool = False,
    ) -> None:
        super().__init__(message, status=status)
        self.blames_recipient = blames_recipient
        self.is_address_gone = is_address_gone


class AccountRefused(DeliveryError):
    """Key, account or address of the provider are wrong: every email would fail, none is to blame."""

    kind = "A"


class Unknown(DeliveryError):
    """It may or may not have been accepted. Only evidence settles it; never simply send again."""

    kind = "U"
