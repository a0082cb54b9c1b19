"""Answers that programs give for people: holidays, receipts, thanks for your email."""

from __future__ import annotations

import re
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

from delivery.bounces.parsing import header, part_of

_MARKS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "x-mail-autoreply")
_SUBJECT = re.compile(
    r"(?:re: )?(?:auto(?:matic|mated|matische|matisch|matique)?[ -]?(?:reply|response|antwort|svar|answer)"
    r"|out of (?:the )?office|abwesen|réponse automatique|respuesta autom|risposta automatica|resposta autom"
    r"|vacation|on (?:holiday|leave)|away from)",
    re.IGNORECASE,
)
_SERVERS = ("mailer-daemon", "mail-daemon", "postmaster", "mailerdaemon", "mdaemon", "microsoftexchange")


def is_from_a_server(message: Message) -> bool:
    """Bounces that follow no standard at least say who writes."""
    local = parseaddr(header(message, "from"))[1].partition("@")[0].lower()
    return local.startswith(_SERVERS) or message.get("x-failed-recipients") is not None


def is_auto_reply(message: Message) -> bool:
    """Nobody reads these, and none says that an email did not arrive. Ask only what is no report."""
    if part_of(message, "message/disposition-notification") is not None:
        return True
    if is_from_a_server(message):
        return False
    automatic = header(message, "auto-submitted").lower()
    return (
        (automatic != "" and not automatic.startswith("no"))
        or header(message, "precedence").lower() in ("auto_reply", "auto-reply")
        or any(message.get(name) is not None for name in _MARKS)
        or bool(_SUBJECT.match(_subject(message)))
    )


def _subject(message: Message) -> str:
    plain = header(message, "subject")[:500]
    try:
        return str(make_header(decode_header(plain)))
    except Exception:  # unknown character sets, half an encoded word
        return plain
