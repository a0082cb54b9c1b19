"""Any SMTP server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delivery.email import Email
from delivery.provider import CALL_TIMEOUT, Accepted, NotSent

if TYPE_CHECKING:
    from ssl import SSLContext

    from delivery.dkim import Signer
    from delivery.providers.smtp_session import Session
    from delivery.providers.smtp_transaction import Letter

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Security(StrEnum):
    STARTTLS = "starttls"
    """Plain at first, encrypted before anything is said; never plain because the server would like that."""
    TLS = "tls"
    """Encrypted from the first byte."""
    NONE = "none"


_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, kw_only=True)
class SmtpConfig:
    """Raises ValueError naming the setting that is missing or wrong."""

    host: str
    port: int = 0
    """0: the usual one, 587 for starttls, 465 for tls, 25 for none."""
    security: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    bounce_address: str = ""
    """Where bounces go, e.g. `bounces+{reference}@example.com`; empty: to the sender."""
    dkim_key_file: Path | None = None
    """A private key in PEM form, RSA or Ed25519; without one the server signs, or nobody does."""
    dkim_selector: str = ""
    dkim_domain: str = ""
    """Empty: the sender's."""
    allow_plain: bool = False
    """Unencrypted to another machine: only for a network that is trusted for other reasons."""

    def __post_init__(self) -> None:
        if not self.host or not self.host.isprintable() or " " in self.host:
            raise ValueError("RUNUP_SMTP_HOST is missing or no host name: write it like smtp.example.com")
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"RUNUP_SMTP_PORT is {self.port}: a port lies between 1 and 65535")
        if self.security not in tuple(Security):
            raise ValueError(f"RUNUP_SMTP_SECURITY is {self.security!r}: use {', '.join(Security)}")
        if self.security == Security.NONE and self.host not in _LOOPBACK and not self.allow_plain:
            raise ValueError("RUNUP_SMTP_SECURITY=none is for a server on this machine: use starttls or tls")
        if bool(self.username) != bool(self.password):
            raise ValueError("RUNUP_SMTP_USERNAME and RUNUP_SMTP_PASSWORD go together: set both or neither")
        if not (self.username + self.password).isascii():
            raise ValueError("RUNUP_SMTP_USERNAME and RUNUP_SMTP_PASSWORD take ASCII characters only")
        if self.bounce_address:
            _check_bounce_address(self.bounce_address)
        self.signer()

    @property
    def actual_port(self) -> int:
        return self.port or _PORTS[Security(self.security)]

    def signer(self) -> Signer | None:
        """Who signs our emails; None when nobody is asked to. Raises ValueError naming the setting."""
        if self.dkim_key_file is None:
            if self.dkim_selector or self.dkim_domain:
                raise ValueError("RUNUP_DKIM_KEY_FILE is missing: without a key there is no signature")
            return None
        from delivery.dkim import Signer, read_key

        try:
            key = read_key(self.dkim_key_file.read_bytes())
        except OSError as error:
            raise ValueError(f"RUNUP_DKIM_KEY_FILE {self.dkim_key_file}: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"RUNUP_DKIM_KEY_FILE {self.dkim_key_file}: {error}") from None
        return Signer(key, selector=self.dkim_selector, domain=self.dkim_domain)

    def open(self, *, timeout: float = CALL_TIMEOUT, tls: SSLContext | None = None) -> Smtp:
        return Smtp(self, timeout=timeout, tls=tls)


class Smtp:
    """One transaction per email, on connections that are kept. `tls` replaces the system's certificates."""

    name = "smtp"

    def __init__(
        self, config: SmtpConfig, *, timeout: float = CALL_TIMEOUT, tls: SSLContext | None = None
    ) -> None:
        # Imports of weight are made where they are used: `import delivery` must not load smtplib and ssl.
        from delivery.pool import Pool
        from delivery.providers.smtp_session import open_session

        self._bounce_address = config.bounce_address
        self._signer = config.signer()
        self._timeout = timeout
        self._pool: Pool[Session] = Pool(partial(open_session, config, tls))

    def deliver(self, email: Email) -> Accepted:
        from delivery.providers.smtp_transaction import Letter, hand_over

        letter = Letter.of(email, bounce_address=self._bounce_address, signer=self._signer)
        session = self._offer(letter, time.monotonic() + self._timeout)
        try:
            accepted = hand_over(session, letter)
        finally:
            self._put_away(session)
        return accepted

    def close(self) -> None:
        self._pool.close()

    def _offer(self, letter: Letter, deadline: float) -> Session:
        """A session whose server waits for the message. Until then a lost connection proves "not sent"."""
        from delivery.providers.smtp_session import Lost
        from delivery.providers.smtp_transaction import offer

        session, was_used = self._pool.take(deadline)
        session.set_deadline(deadline)
        try:
            try:
                offer(session, letter)
            except Lost:
                if not was_used:
                    raise
                # Servers end a session after some time or number of emails. Nothing was sent: anew, once.
                session.close()
                session = self._pool.open_new(deadline)
                offer(session, letter)
        except Lost as lost:
            session.close()
            raise NotSent(f"the server hung up before it had the email: {lost}", status=lost.status) from lost
        except BaseException:
            session.reset()
            self._put_away(session)
            raise
        return session

    def _put_away(self, session: Session) -> None:
        if session.is_ready:
            self._pool.give_back(session)
        else:
            session.close()


def _check_bounce_address(template: str) -> None:
    from delivery.provider import Rejected
    from delivery.wire import wire_address

    try:
        wire_address(template.replace("{reference}", "r" * 32), field="it")
    except Rejected:
        raise ValueError(
            f"RUNUP_BOUNCE_ADDRESS is {template!r}: write it like bounces+{{reference}}@example.com"
        ) from None
