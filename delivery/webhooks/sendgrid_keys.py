from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

SETTING = "RUNUP_SENDGRID_WEBHOOK_KEYS"
_COPY = "copy the Verification Key from SendGrid's Mail Settings, Event Webhooks"
# A PEM's lines, also with its line ends written out, as some env files want them.
_AROUND = re.compile(r"-----(?:BEGIN|END) PUBLIC KEY-----|\\[rn]|\s+")


def parse_keys(texts: Iterable[str]) -> tuple[EllipticCurvePublicKey, ...]:
    """Verification keys as SendGrid shows them (base64 of DER), or as PEM.

    Raises ValueError that names the setting and the key by its place; it never quotes one: what was pasted
    by mistake may be a secret.
    """
    return tuple(_parse(text, f"key {number} of {SETTING}") for number, text in enumerate(texts, 1))


def _parse(text: str, name: str) -> EllipticCurvePublicKey:
    if "PRIVATE KEY" in text:
        raise ValueError(f"{name} is a private key and belongs nowhere here; {_COPY}")
    key = _load(text, name)
    if not isinstance(key, EllipticCurvePublicKey):
        kind = type(key).__name__.removesuffix("PublicKey")
        raise ValueError(f"{name} is of the kind {kind}, SendGrid signs with ECDSA on P-256; {_COPY}")
    if not isinstance(key.curve, SECP256R1):
        raise ValueError(f"{name} is on the curve {key.curve.name}, SendGrid signs on P-256; {_COPY}")
    return key


def _load(text: str, name: str) -> PublicKeyTypes:
    try:
        der = binascii.a2b_base64(_AROUND.sub("", text).encode("ascii"), strict_mode=True)
        return load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        # `from None`: the libraries' errors may quote what was pasted.
        raise ValueError(f"{name} is no public key in base64 or PEM; {_COPY}") from None
