"""A connection to an SMTP server, greeted, encrypted and logged in: the only file that imports smtplib."""

from __future__ import annotations

import contextlib
import smtplib
import socket
from ssl import SSLContext, create_default_context
from typing import NamedTuple

from delivery.provider import AccountRefused, NotSent
from delivery.providers.smtp import Security, SmtpConfig
from delivery.providers.smtp_wire import SmtpWire
from delivery.redaction import quotable
from delivery.sockets import DeadlineSocket, connect


class Lost(Exception):
    """The session is over: the connection broke, or the server said 421."""

    def __init__(self, reason: str, *, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class Answer(NamedTuple):
    code: int
    """-1 when the line was no SMTP reply."""
    text: str
    """Fit for a log."""


class Session:
    """What is said to the server, by one thread at a time."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self._sock = sock
        # Without a host it does not connect; with a name of our own it asks no DNS for one.
        self._smtp = smtplib.SMTP(local_hostname=_own_name())
        self._wire = SmtpWire(sock)
        self._smtp.sock = self._wire  # type: ignore[assignment]  # it sends, makes a file of it and closes it
        self._makes_sense = True
        self.is_ready = False
        """The server waits for a new transaction."""

    def set_deadline(self, deadline: float) -> None:
        self._sock.deadline = deadline

    def offers(self, extension: str) -> bool:
        return self._smtp.has_extn(extension)

    def command(self, line: str) -> Answer:
        """Say one line. Raises Lost; nothing of a message has been sent then."""
        self.is_ready = False
        try:
            self._smtp.send((line + "\r\n").encode("utf-8"))
            answer = self.answer()
        except OSError as error:
            raise Lost(quotable(str(error))) from error
        if answer.code == 421:
            raise Lost(f"421 {answer.text}", status=421)
        return answer

    def send(self, data: bytes) -> None:
        """Raises OSError; the last byte of `data` has not left then."""
        self.is_ready = False
        self._smtp.send(data)

    def answer(self) -> Answer:
        code, text = self._smtp.getreply()
        self._makes_sense = code > 0
        return Answer(code, quotable(text))

    def reset(self) -> None:
        """Back to the start of a transaction, or not ready."""
        if not self._makes_sense:
            return  # whoever answers nonsense answers this with the same, or not at all
        with contextlib.suppress(Lost):
            self.is_ready = self.command("RSET").code == 250

    def is_quiet(self) -> bool:
        return self._wire.is_quiet()

    def has_spoken(self) -> bool:
        """The server said something before it was its turn."""
        return self._wire.has_spoken()

    def close(self) -> None:
        if self.is_ready:  # otherwise a QUIT might become a line of an email
            with contextlib.suppress(OSError):
                self._sock.sendall(b"QUIT\r\n")
        self._smtp.close()

    def greet(self) -> None:
        code, text = self.answer()
        if code != 220:
            raise _refused(code, f"it greets with {code} {text}")
        self._hello()

    def start_tls(self, context: SSLContext, host: str) -> None:
        if not self.offers("starttls"):
            raise AccountRefused(
                "the SMTP server offers no STARTTLS: set RUNUP_SMTP_SECURITY=tls, or ask its operator"
            )
        code, text = self._smtp.docmd("STARTTLS")
        if code != 220:
            raise _refused(code, f"it refuses STARTTLS with {code} {text!r}")
        self._sock.start_tls(context, host)
        # What came in the clear counts for nothing (RFC 3207), neither what is buffered nor what was offered.
        self._smtp.file = None
        self._hello()

    def log_in(self, username: str, password: str) -> None:
        try:
            self._smtp.login(username, password)
        except smtplib.SMTPAuthenticationError as error:
            raise _refused(
                error.smtp_code, f"it refuses the login: {error.smtp_code} {quotable(error.smtp_error)}"
            ) from None
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException:
            raise AccountRefused("the SMTP server offers no login by CRAM-MD5, PLAIN or LOGIN") from None

    def _hello(self) -> None:
        code, text = self._smtp.ehlo()
        if code // 100 == 5:
            code, text = self._smtp.helo()
        if code != 250:
            raise _refused(code, f"it answers our greeting with {code} {quotable(text)}")


def open_session(config: SmtpConfig, tls: SSLContext | None, deadline: float) -> Session:
    """A session ready for its first email. Raises NotSent or AccountRefused."""
    host, port = config.host, config.actual_port
    try:
        sock = connect(host, port, deadline)
    except OSError as error:
        raise NotSent(f"no connection to {host}:{port}: {type(error).__name__}: {error}") from error
    session = Session(sock)
    try:
        _begin(session, sock, config, tls)
    except (OSError, ValueError) as error:
        session.close()
        raise NotSent(
            f"no session with {host}:{port}: {type(error).__name__}: {quotable(str(error))}"
        ) from error
    except BaseException:
        session.close()
        raise
    return session


def _begin(session: Session, sock: DeadlineSocket, config: SmtpConfig, tls: SSLContext | None) -> None:
    if config.security == Security.TLS:
        sock.start_tls(tls or create_default_context(), config.host)
    session.greet()
    if config.security == Security.STARTTLS:
        session.start_tls(tls or create_default_context(), config.host)
    if config.username:
        session.log_in(config.username, config.password)
    session.is_ready = True


def _refused(code: int, said: str) -> NotSent | AccountRefused:
    """The server will not talk to us: for good when it says 5xx, for now otherwise."""
    if code // 100 == 5:
        return AccountRefused(f"the SMTP server refuses us: {said}", status=code)
    return NotSent(f"the SMTP server is not ready for us: {said}", status=max(code, 0))


def _own_name() -> str:
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
