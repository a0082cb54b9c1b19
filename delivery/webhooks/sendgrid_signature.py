"""Whether a POST is SendGrid's own: stricter than the library's check, which takes any age and mistakes the
end of the timestamp for the beginning of the body (hazard H8)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

TOLERANCE = timedelta(days=2)
"""Of the signed moment, either way: SendGrid tries again for a day, perhaps with the first try's signature
(decision 0025)."""

_TIMESTAMP = re.compile(r"[0-9]{10}")
# Its form by ourselves: binascii's strict mode takes padding that nothing needs. A P-256 signature in DER has
# at most 72 bytes, 24 groups of four.
_LETTER = "[A-Za-z0-9+/]"
_SIGNATURE = re.compile(rf"(?:{_LETTER}{{4}}){{0,23}}(?:{_LETTER}{{4}}|{_LETTER}{{3}}=|{_LETTER}{{2}}==)")
_ALGORITHM = ECDSA(SHA256())


class Refused(Exception):
    """Not from SendGrid, as far as can be told. `why` is for our own counts: all get the same answer."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__("the request is not signed by SendGrid")


@dataclass(frozen=True)
class Signed:
    """What the two headers claim, well formed and recent enough."""

    signature: bytes
    timestamp: bytes

    def check(self, body: bytes, keys: Sequence[EllipticCurvePublicKey]) -> None:
        """Raises Refused unless one of `keys` signed exactly these bytes."""
        # The signature is over timestamp + body with nothing between: only because the one is ten digits and
        # the other begins with what is no digit, nothing can move from one to the other.
        if not body.startswith(b"["):
            raise Refused("no_list")
        told = self.timestamp + body
        if not any(_is_signed(told, self.signature, key) for key in keys):
            raise Refused("bad_signature")


def read_headers(*, signature: str, timestamp: str, now: datetime) -> Signed:
    """The values of X-Twilio-Email-Event-Webhook-Signature and -Timestamp, "" where one is missing.

    Cheap, and needs no body: most of a flood ends here. Raises Refused.
    """
    if not signature or not timestamp:
        raise Refused("unsigned")
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise Refused("bad_timestamp")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise Refused("stale")
    return Signed(_decode(signature), timestamp.encode("ascii"))


def verify(
    body: bytes, *, signature: str, timestamp: str, keys: Sequence[EllipticCurvePublicKey], now: datetime
) -> None:
    """Raises Refused, and nothing else, unless SendGrid signed these raw bytes within TOLERANCE of `now`.

    Hearing the same POST again passes: what it tells is known by its events' ids.
    """
    read_headers(signature=signature, timestamp=timestamp, now=now).check(body, keys)


def _decode(signature: str) -> bytes:
    if _SIGNATURE.fullmatch(signature) is None:
        raise Refused("bad_signature")
    return binascii.a2b_base64(signature)


def _is_signed(told: bytes, signature: bytes, key: EllipticCurvePublicKey) -> bool:
    try:
        key.verify(signature, told, _ALGORITHM)
    except InvalidSignature:
        return False
    return True
