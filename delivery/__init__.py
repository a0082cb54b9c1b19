"""How an email leaves, and what we hear afterwards."""

from delivery.allow_list import AllowList, parse_allow_list
from delivery.email import Email
from delivery.inbox import StoredEmail, copies, find_in_outbox, read_outbox
from delivery.provider import (
    CALL_TIMEOUT,
    Accepted,
    AccountRefused,
    DeliveryError,
    NotSent,
    Provider,
    Rejected,
    Unknown,
)
from delivery.providers import (
    OutboxConfig,
    ProviderConfig,
    SendGridConfig,
    SmtpConfig,
    open_provider,
)

__all__ = [
    "CALL_TIMEOUT",
    "Accepted",
    "AccountRefused",
    "AllowList",
    "DeliveryError",
    "Email",
    "NotSent",
    "OutboxConfig",
    "Provider",
    "ProviderConfig",
    "Rejected",
    "SendGridConfig",
    "SmtpConfig",
    "StoredEmail",
    "Unknown",
    "copies",
    "find_in_outbox",
    "open_provider",
    "parse_allow_list",
    "read_outbox",
]
