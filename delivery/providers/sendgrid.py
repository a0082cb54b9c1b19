"""SendGrid's v3 API."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from delivery.email import Email
from delivery.provider import CALL_TIMEOUT, Accepted

if TYPE_CHECKING:
    from ssl import SSLContext

_KEY = re.compile(r"SG\.[\w.-]+", re.ASCII)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class SendGridConfig:
    """`host` is only for a test server or a gateway of one's own; `region` is global or eu.

    Raises ValueError naming the setting that is missing or wrong.
    """

    api_key: str = field(repr=False)
    region: str = "global"
    host: str = ""

    def __post_init__(self) -> None:
        if not self.api_key:
            raise ValueError("RUNUP_SENDGRID_API_KEY is missing: create a key with the permission Mail Send")
        if _KEY.fullmatch(self.api_key) is None:
            raise ValueError(
                "RUNUP_SENDGRID_API_KEY is not a SendGrid key: those start with SG. and hold no spaces"
            )
        if self.region not in ("global", "eu"):
            raise ValueError(f"RUNUP_SENDGRID_REGION is {self.region!r}: use global or eu")
        if self.host:
            _check_host(self.host)

    def open(self, *, timeout: float = CALL_TIMEOUT, tls: SSLContext | None = None) -> SendGrid:
        return SendGrid(self, timeout=timeout, tls=tls)


class SendGrid:
    """One request per email, on connections that are kept. `tls` replaces the system's certificates."""

    name = "sendgrid"

    def __init__(
        self, config: SendGridConfig, *, timeout: float = CALL_TIMEOUT, tls: SSLContext | None = None
    ) -> None:
        # Imports of weight are made where they are used: `import delivery` must not load SendGrid's library.
        from delivery.providers.sendgrid_client import open_client

        self._client = open_client(
            config.api_key, region=config.region, host=config.host, timeout=timeout, tls=tls
        )
        self._post = self._client.mail.send.post

    def deliver(self, email: Email) -> Accepted:
        from delivery.providers.sendgrid_payload import request_body
        from delivery.providers.sendgrid_replies import refusal

        reply = self._post(request_body=request_body(email))
        if reply.status == 202:  # nothing else: a proxy's 200 is not SendGrid's word (H3)
            return Accepted(message_id=reply.headers.get("x-message-id", ""), status=202)
        raise refusal(reply, sent_at=email.date)

    def server_time(self) -> datetime | None:
        """See Timekeeper."""
        told: datetime | None = self._client.server_time()
        return told

    def close(self) -> None:
        self._client.close()


def _check_host(host: str) -> None:
    parts = urlsplit(host)
    is_origin = parts.hostname and not (parts.path or parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not is_origin:
        raise ValueError(f"RUNUP_SENDGRID_HOST is {host!r}: write it like https://api.sendgrid.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("RUNUP_SENDGRID_HOST must start with https://: the key would travel in the clear")
