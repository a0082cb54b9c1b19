"""An Email as the body of SendGrid's `POST /v3/mail/send`."""

from __future__ import annotations

from typing import Any

import orjson

from delivery.email import Email
from delivery.headers import list_headers
from delivery.provider import Rejected
from delivery.redaction import HiddenBytes
from delivery.wire import wire_address, wire_reference

_NO_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
"""Said in every request, so that no switch in the account's pages puts a pixel into our emails."""

_NOT_IN_NAMES = str.maketrans(";,", "  ")


def request_body(email: Email) -> bytes:
    """The body as JSON. Raises Rejected for what no request could carry."""
    try:
        return HiddenBytes(orjson.dumps(payload(email)))
    except orjson.JSONEncodeError:
        # `from None`: the error may quote the email.
        raise Rejected("the email holds half a character (a lone surrogate); nothing was sent") from None


def payload(email: Email) -> dict[str, Any]:
    """The body as a dict.

    `mid` and `att` stand in the personalization, so that events come back per person and attempt; SendGrid
    stores them for good, hence nothing about a person is in them.
    """
    wire_reference(email)
    body: dict[str, Any] = {
        "personalizations": [
            {
                "to": [_mailbox(wire_address(email.recipient), email.recipient_name)],
                "custom_args": {"mid": email.reference, "att": str(email.attempt)},
            }
        ],
        "from": _mailbox(wire_address(email.sender, field="sender"), email.sender_name),
        "subject": email.subject,
        "content": _content(email),
        "headers": list_headers(email),
        "tracking_settings": _NO_TRACKING,
    }
    if email.reply_to:
        body["reply_to"] = {"email": wire_address(email.reply_to, field="reply_to")}
    if email.categories:
        body["categories"] = [category[:255] for category in dict.fromkeys(email.categories)][:10]
    _check_recipient(body, email)
    return body


def _mailbox(address: str, name: str) -> dict[str, str]:
    # SendGrid takes neither ; nor , in a recipient's name.
    name = name.translate(_NOT_IN_NAMES).strip()
    return {"email": address, "name": name} if name else {"email": address}


def _content(email: Email) -> list[dict[str, str]]:
    # SendGrid refuses text after HTML, and an empty value.
    parts = (("text/plain", email.text), ("text/html", email.html))
    content = [{"type": kind, "value": value} for kind, value in parts if value]
    if not content:
        raise Rejected("the email has neither text nor html; nothing was sent")
    return content


def _check_recipient(body: dict[str, Any], email: Email) -> None:
    """The last look at who gets it (H6): exactly one person, and the one we stored."""
    addresses = [to["email"] for person in body["personalizations"] for to in person["to"]]
    assert addresses == [wire_address(email.recipient)], "the payload is not for the email's recipient alone"
