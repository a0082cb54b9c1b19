"""One email's dialogue with an SMTP server, and what each of its turns proves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from delivery.bounces.blame import is_address_to_blame
from delivery.email import Email
from delivery.mime import as_bytes
from delivery.provider import Accepted, AccountRefused, DeliveryError, NotSent, Rejected, Unknown
from delivery.providers.smtp_session import Answer, Session
from delivery.redaction import quotable
from delivery.wire import wire_address, wire_reference

if TYPE_CHECKING:
    from delivery.dkim import Signer

_LOGIN_REQUIRED = (530, 534, 535, 538)
_TOO_LARGE = 552
_NOT_XTEXT = re.compile(r"[^!-~]|[+=]")


@dataclass(frozen=True)
class Letter:
    """An envelope and what is in it."""

    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    message: bytes = field(repr=False)
    reference: str = ""
    """Comes back in reports of servers that know RFC 3461, whatever else they leave out."""

    @classmethod
    def of(cls, email: Email, *, bounce_address: str = "", signer: Signer | None = None) -> Letter:
        """Raises Rejected. `{reference}` in `bounce_address` becomes the attempt's, to know bounces by."""
        sender = bounce_address.replace("{reference}", wire_reference(email)) or email.sender
        message = as_bytes(email)
        if signer is not None:
            domain = wire_address(email.sender, field="sender").rpartition("@")[2].lower()
            message = signer.sign(message, sender_domain=domain, at=email.date)
        return cls(
            wire_address(sender, field="the envelope's sender"),
            wire_address(email.recipient),
            message,
            wire_reference(email),
        )


def offer(session: Session, letter: Letter) -> None:
    """MAIL, RCPT, DATA: returns when the server waits for the message, which has not been sent yet.

    Raises NotSent, Rejected or AccountRefused; Lost when the session ended.
    """
    answer = session.command(f"MAIL FROM:<{letter.sender}>{_options(session, letter)}")
    if answer.code != 250:
        # The sender is the same in every email: refusing it is not this email's fault, unless for its size.
        raise _no(answer, "the sender", permanent=Rejected if answer.code == _TOO_LARGE else AccountRefused)
    answer = session.command(f"RCPT TO:<{letter.recipient}>{_original(session, letter)}")
    if answer.code not in (250, 251):
        raise _no(answer, "the recipient", permanent=_refused_recipient(answer))
    answer = session.command("DATA")
    if answer.code != 354:
        raise _no(answer, "the email", permanent=Rejected)


def hand_over(session: Session, letter: Letter) -> Accepted:
    """Send the message and its final dot, and read the one answer that counts.

    Raises NotSent or Rejected on a definite no, Unknown when the dot has left and nothing certain came back.
    """
    try:
        session.send(_stuffed(letter.message))
        if session.has_spoken():
            raise _early(session)
        session.send(_FINAL_DOT)
    except OSError as error:
        raise NotSent(f"the connection broke before the end of the email: {quotable(str(error))}") from error
    try:
        answer = session.answer()
    except Exception as error:  # whatever it is, the email is on the other side
        raise Unknown(f"no answer after the end of the email: {type(error).__name__}") from error
    session.is_ready = answer.code == 250 or (answer.code // 100 in (4, 5) and answer.code != 421)
    if answer.code == 250:
        return Accepted(message_id=answer.text, status=250)
    if answer.code // 100 in (4, 5):
        raise _no(answer, "the email", permanent=Rejected)
    raise Unknown(f"after the email the server answered {answer.code}, which says neither yes nor no")


def _options(session: Session, letter: Letter) -> str:
    options = f" SIZE={len(letter.message)}" if session.offers("size") else ""
    if session.offers("dsn"):
        # Of a bounce we need the headers of our email, not all of it; the reference comes back on its own.
        options += f" RET=HDRS ENVID={letter.reference}"
    if (letter.sender + letter.recipient).isascii():
        return options
    if not session.offers("smtputf8"):
        raise Rejected(
            "the address is international and the SMTP server takes none (SMTPUTF8); nothing was sent"
        )
    return options + " BODY=8BITMIME SMTPUTF8"


def _original(session: Session, letter: Letter) -> str:
    """Whom we wrote to, for reports by servers it was forwarded to (RFC 3461)."""
    if not session.offers("dsn") or not letter.recipient.isascii():
        return ""
    return f" ORCPT=rfc822;{_NOT_XTEXT.sub(lambda found: f'+{ord(found[0]):02X}', letter.recipient)}"


def _refused_recipient(answer: Answer) -> Callable[..., DeliveryError]:
    """The same words as in a bounce, and read by the same rules."""
    is_gone = is_address_to_blame("", f"{answer.code} {answer.text}")
    return partial(Rejected, blames_recipient=True, is_address_gone=is_gone)


def _no(answer: Answer, what: str, *, permanent: Callable[..., DeliveryError]) -> DeliveryError:
    said = f"the SMTP server refuses {what}: {answer.code} {answer.text}"
    if answer.code in _LOGIN_REQUIRED:
        return AccountRefused(said, status=answer.code)
    if answer.code // 100 == 5:
        return permanent(said, status=answer.code)
    return NotSent(said, status=max(answer.code, 0))


def _early(session: Session) -> DeliveryError:
    """The server answers an email that has not ended: whatever it says, it does not have it.

    Taken for the answer to the final dot, a line too many earlier would call an email accepted that was not.
    """
    answer = session.answer()
    if answer.code // 100 in (4, 5):
        return _no(answer, "the email", permanent=Rejected)
    return NotSent(f"the server spoke out of turn, before the end of the email: {answer.code} {answer.text}")


_FINAL_DOT = b".\r\n"


def _stuffed(message: bytes) -> bytes:
    # A line that begins with a dot gets another (RFC 5321, 4.5.2). Messages end with CRLF, no LF is bare.
    return message.replace(b"\r\n.", b"\r\n..")
