"""One file per way an email can leave."""

from __future__ import annotations

from typing import Protocol

from delivery.allow_list import AllowList
from delivery.provider import CALL_TIMEOUT, Provider
from delivery.providers.outbox import OutboxConfig as OutboxConfig
from delivery.providers.sendgrid import SendGridConfig as SendGridConfig
from delivery.providers.smtp import SmtpConfig as SmtpConfig


class ProviderConfig(Protocol):
    """A provider's settings as a frozen dataclass that checks itself and knows how to open the provider."""

    def open(self, *, timeout: float = CALL_TIMEOUT) -> Provider: ...


def open_provider(
    config: ProviderConfig, *, allow_list: tuple[str, ...] = (), timeout: float = CALL_TIMEOUT
) -> Provider:
    """The provider that `config` describes. With an `allow_list` nobody else is reached; empty: everybody."""
    provider = config.open(timeout=timeout)
    return AllowList(provider, allow_list) if allow_list else provider
