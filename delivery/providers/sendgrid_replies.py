"""What SendGrid's answers prove, as the table in docs/reference/providers.md lists them."""

from __future__ import annotations

import json
import re
from datetime import datetime

from delivery.http import Reply
from delivery.provider import AccountRefused, NotSent, Rejected, Unknown
from delivery.redaction import quotable
from delivery.retry_after import seconds_to_wait

_RECIPIENT = re.compile(r"(personalizations\.\d+\.)?(to|cc|bcc)\b", re.ASCII)
"""The fields of a request that hold whom it is for."""


def refusal(reply: Reply, *, sent_at: datetime) -> NotSent | Rejected | AccountRefused | Unknown:
    """What a reply other than 202 means. A status that is not listed proves nothing: Unknown."""
    status = reply.status
    said = f"SendGrid answered {status}{_explanation(reply.body)}"
    match status:
        case 400 | 413 | 415:
            return Rejected(said, status=status, blames_recipient=_names_recipient(reply.body))
        case 401 | 403 | 404 | 405:
            return AccountRefused(said, status=status)
        case 429:
            return NotSent(said, status=status, retry_after=seconds_to_wait(reply.headers, fallback=sent_at))
        case 503 if "retry-after" in reply.headers:
            return NotSent(said, status=status, retry_after=seconds_to_wait(reply.headers, fallback=sent_at))
    return Unknown(said, status=status)


def _explanation(body: bytes) -> str:
    """ ": <field>: <message>" of the first error, "" when the body is not SendGrid's."""
    return "".join(f": {quotable(part)}" for part in _first_error(body) if part)


def _names_recipient(body: bytes) -> bool:
    field, _ = _first_error(body)
    return _RECIPIENT.match(field) is not None


def _first_error(body: bytes) -> tuple[str, str]:
    """Its field and its message; empty where the body is not SendGrid's."""
    try:
        error = json.loads(body)["errors"][0]
        return str(error.get("field") or ""), str(error.get("message") or "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""
