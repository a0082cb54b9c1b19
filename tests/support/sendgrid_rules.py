"""What SendGrid's published v3 API asks of `POST /v3/mail/send`, checked.

Sources: the OpenAPI description of the mail API (twilio/sendgrid-oai, tsg_mail_v3) and the endpoint's page of
limitations. Both checks raise Refused, with the status and the errors in the shape the real service uses.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

SIZE_LIMIT = 30 * 1024 * 1024
RESERVED = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
TOP_LEVEL = frozenset(
    {
        "personalizations",
        "from",
        "reply_to",
        "reply_to_list",
        "subject",
        "content",
        "attachments",
        "template_id",
        "headers",
        "categories",
        "custom_args",
        "send_at",
        "batch_id",
        "asm",
        "ip_pool_name",
        "mail_settings",
        "tracking_settings",
        "sections",
    }
)
PER_PERSON = frozenset(
    {
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "headers",
        "substitutions",
        "dynamic_template_data",
        "custom_args",
        "send_at",
    }
)
_ADDRESS = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.A | re.I
)

Errors = list[dict[str, Any]]


class Refused(Exception):
    """The first thing that is wrong, in SendGrid's shape."""

    def __init__(self, message: str, field: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.errors: Errors = [{"message": message, "field": field, "help": None}]


def check_head(method: str, path: str, headers: dict[str, str], *, api_key: str | None) -> None:
    """Raises Refused. With an `api_key` only that one is good, without one every key that looks like one."""
    if path != "/v3/mail/send":
        raise Refused("not found", status=404)
    if method != "POST":
        raise Refused("method not allowed", status=405)
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not key.startswith("SG.") or (api_key is not None and key != api_key):
        raise Refused("The provided authorization grant is invalid, expired, or revoked", status=401)
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused("Content-Type should be application/json.", status=415)
    if int(headers.get("content-length", "0")) > SIZE_LIMIT:
        raise Refused("content too large", status=413)


def check_body(raw: bytes) -> dict[str, Any]:
    """The parsed body. Raises Refused."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Refused("Bad Request") from None
    _need(isinstance(body, dict), "Bad Request", None)
    for key in body.keys() - TOP_LEVEL:
        raise Refused(f"Additional property {key} is not allowed", key)
    people = body.get("personalizations")
    _need(
        isinstance(people, list) and 1 <= len(people) <= 1000,
        "1 to 1000 objects are required",
        "personalizations",
    )
    total = 0
    for index, person in enumerate(people):
        total += _check_person(person, f"personalizations.{index}", body)
    _need(total <= 1000, "The total number of recipients must be no more than 1000", "personalizations")
    _check_mailbox(body.get("from"), "from")
    if "reply_to" in body:
        _check_mailbox(body["reply_to"], "reply_to")
    _check_content(body)
    _check_headers(body.get("headers", {}), "headers")
    _check_categories(body.get("categories", []))
    _check_custom_args(body.get("custom_args", {}), "custom_args")
    _check_switches(body.get("tracking_settings", {}))
    return dict(body)


def _need(holds: bool, message: str, field: str | None) -> None:
    if not holds:
        raise Refused(message, field)


def _check_person(person: Any, field: str, body: dict[str, Any]) -> int:
    _need(isinstance(person, dict), "expected an object", field)
    for key in person.keys() - PER_PERSON:
        raise Refused(f"Additional property {key} is not allowed", f"{field}.{key}")
    count = 0
    for kind in ("to", "cc", "bcc"):
        mailboxes = person.get(kind, [])
        _need(isinstance(mailboxes, list), "expected an array", f"{field}.{kind}")
        for index, mailbox in enumerate(mailboxes):
            _check_mailbox(mailbox, f"{field}.{kind}.{index}", is_recipient=True)
        count += len(mailboxes)
    _need(
        bool(person.get("to")),
        "The to array is required, and should have at least one recipient.",
        f"{field}.to",
    )
    subject = person.get("subject", body.get("subject"))
    _need(isinstance(subject, str) and subject != "", "The subject is required.", "subject")
    _check_headers(person.get("headers", {}), f"{field}.headers")
    _check_custom_args(person.get("custom_args", {}), f"{field}.custom_args")
    return count


def _check_mailbox(mailbox: Any, field: str, *, is_recipient: bool = False) -> None:
    _need(
        isinstance(mailbox, dict) and not mailbox.keys() - {"email", "name"},
        "expected an email object",
        field,
    )
    address, name = mailbox.get("email"), mailbox.get("name", "")
    good = isinstance(address, str) and len(address) <= 254 and _ADDRESS.fullmatch(address)
    _need(bool(good) and ".." not in str(address), "Does not contain a valid address.", f"{field}.email")
    _need(isinstance(name, str), "expected a string", f"{field}.name")
    _need(not is_recipient or not set(name) & set(";,"), "The name takes neither ; nor ,", f"{field}.name")


def _check_content(body: dict[str, Any]) -> None:
    if "template_id" in body:
        return
    content = body.get("content")
    _need(
        isinstance(content, list) and len(content) > 0,
        "Unless a template is used, content is required",
        "content",
    )
    types = []
    for index, part in enumerate(content or []):
        field = f"content.{index}"
        _need(
            isinstance(part, dict) and part.keys() == {"type", "value"}, "type and value are required", field
        )
        value = part["value"]
        good = isinstance(value, str) and value != ""
        _need(good, "The content value must be a string at least one character in length.", f"{field}.value")
        types.append(part["type"])
    order = "If present, text/plain must come first, then text/html."
    _need("text/plain" not in types[1:], order, "content")
    _need("text/html" not in types or types.index("text/html") <= 1, order, "content")


def _check_headers(headers: Any, field: str) -> None:
    _need(isinstance(headers, dict), "expected an object", field)
    for name, value in headers.items():
        _need(name.lower() not in RESERVED, f"The header {name} is reserved", f"{field}.{name}")
        _need(isinstance(value, str), "expected a string", f"{field}.{name}")
        good = name.isascii() and value.isascii() and value.isprintable()
        _need(good, "must be encoded and hold no control characters", f"{field}.{name}")


def _check_categories(categories: Any) -> None:
    _need(isinstance(categories, list) and len(categories) <= 10, "at most 10 categories", "categories")
    good = all(isinstance(category, str) and 0 < len(category) <= 255 for category in categories)
    _need(good, "a category is a string of at most 255 characters", "categories")
    _need(len(set(categories)) == len(categories), "categories must be unique", "categories")


def _check_custom_args(arguments: Any, field: str) -> None:
    good = isinstance(arguments, dict) and all(isinstance(value, str) for value in arguments.values())
    _need(good, "custom arguments are strings", field)
    _need(len(orjson.dumps(arguments)) < 10_000, "custom arguments take less than 10,000 bytes", field)


def _check_switches(settings: Any) -> None:
    known = {"click_tracking", "open_tracking", "subscription_tracking", "ganalytics"}
    _need(isinstance(settings, dict) and not settings.keys() - known, "unknown setting", "tracking_settings")
    for name, switch in settings.items():
        good = isinstance(switch, dict) and isinstance(switch.get("enable"), bool)
        _need(good, "enable is true or false", f"tracking_settings.{name}")
