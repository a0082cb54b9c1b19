"""SendGrid's event webhook: is it from SendGrid, and what does it tell us. No database, no web framework."""

from delivery.webhooks.sendgrid_events import Translated, translate
from delivery.webhooks.sendgrid_keys import parse_keys
from delivery.webhooks.sendgrid_signature import TOLERANCE, Refused, Signed, read_headers, verify

SOURCE = "sendgrid"
"""Names this feed in delivery records and counts."""

__all__ = [
    "SOURCE",
    "TOLERANCE",
    "Refused",
    "Signed",
    "Translated",
    "parse_keys",
    "read_headers",
    "translate",
    "verify",
]
