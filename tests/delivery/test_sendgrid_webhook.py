"""SendGrid's signed events: who may speak, and what each word comes to. What may not be heard is refused in
one way only, and nothing anybody posts raises anything else."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sendgrid_events import (
    SIGNATURE,
    TIMESTAMP,
    Signer,
    body_of,
    build,
    story,
)
from sendgrid_fake import Accept

from delivery.webhooks.sendgrid import TOLERANCE, Refused, parse_keys, translate, verify

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANA = Accept("a" * 32, "1", "ana@example.com", "Tomorrow at 10:00", NOW.timestamp(), "14c5d75ce93dfd64b469")
SIGNER = Signer()
KEYS = parse_keys([SIGNER.shown])
BODY = body_of(story(ANA, "processed", "delivered", at=NOW.timestamp()))


def why(body: bytes = BODY, *, keys=KEYS, now: datetime = NOW, **headers: str) -> str:
    """What the refusal says of itself; "" when it is taken."""
    right = SIGNER.headers(BODY, at=NOW.timestamp())
    given = {"signature": right[SIGNATURE], "timestamp": right[TIMESTAMP]} | headers
    try:
        verify(body, keys=keys, now=now, **given)
    except Refused as refused:
        return refused.why
    return ""


def signed(body: bytes, *, signer: Signer = SIGNER, at: datetime = NOW) -> dict[str, str]:
    headers = signer.headers(body, at=at.timestamp())
    return {"signature": headers[SIGNATURE], "timestamp": headers[TIMESTAMP]}


class TestWhoMaySpeak:
    def test_what_sendgrid_signed_is_taken(self):
        assert why() == ""

    def test_a_refusal_says_the_same_whatever_is_wrong(self):
        for wrong in ({"signature": ""}, {"signature": "AAAA"}, {"timestamp": "x"}, {"timestamp": "1" * 10}):
            with pytest.raises(Refused, match=r"^the request is not signed by SendGrid$"):
                verify(BODY, keys=KEYS, now=NOW, **signed(BODY) | wrong)

    def test_the_same_post_again_is_taken_its_events_are_known_by_their_ids(self):
        assert why() == why() == ""
        assert translate(BODY, now=NOW) == translate(BODY, now=NOW)

    @pytest.mark.parametrize("missing", ["signature", "timestamp"])
    def test_a_missing_header_is_unsigned(self, missing):
        assert why(**{missing: ""}) == "unsigned"

    @pytest.mark.parametrize(
        "signature",
        [
            "AAAA",
            "A",
            "=",
            "====",
            "AAAA=",
            "AAAA====",
            "AA=A",
            "not base64!",
            "é" * 8,
            "\ud83d",
            " " + signed(BODY)["signature"],
            signed(BODY)["signature"] + "\n",
            signed(BODY)["signature"] + "=",
            "-_" * 40,
            "A" * 121,
            "A" * 10**6,
            base64.b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode(),
            base64.b64encode(b"\x30" + secrets.token_bytes(70)).decode(),
        ],
        # Signatures are never the same twice, and the processes of one run must agree on the tests' names.
        ids=[f"kind-{number}" for number in range(18)],
    )
    def test_a_signature_that_is_none_is_refused(self, signature):
        assert why(signature=signature) == "bad_signature"

    @pytest.mark.parametrize(
        "timestamp",
        [
            "1",
            "-1795424400",
            "+1795424400",
            "1795424400.0",
            "1.79e9",
            " 1795424400",
            "1795424400\n",
            "01795424400",
            "179542440",
            "17954244000",
            "١٧٩٥٤٢٤٤٠٠",
            "１７９５４２４４００",
            "1795424x00",
            "0x6b042350",
            "1" * 10**6,
            "1795_24400",
        ],
    )
    def test_a_timestamp_is_ten_ascii_digits(self, timestamp):
        assert why(timestamp=timestamp) == "bad_timestamp"

    def test_every_bit_of_the_signature_and_of_the_body_counts(self):
        signature = base64.b64decode(signed(BODY)["signature"])
        for bit in range(len(signature) * 8):
            flipped = bytearray(signature)
            flipped[bit // 8] ^= 1 << bit % 8
            assert why(signature=base64.b64encode(flipped).decode()) == "bad_signature"
        for place in range(1, len(BODY), 7):
            changed = bytearray(BODY)
            changed[place] ^= 1
            assert why(bytes(changed)) == "bad_signature"
        assert why(BODY.rstrip()) == "bad_signature"

    def test_another_s_key_is_refused_and_any_of_ours_is_enough(self):
        other = Signer()
        assert why(**signed(BODY, signer=other)) == "bad_signature"
        assert why(keys=()) == "bad_signature"
        both = parse_keys([other.shown, SIGNER.shown])
        assert why(keys=both) == ""
        assert why(keys=both, **signed(BODY, signer=other)) == ""

    def test_a_moment_cannot_be_signed_for_another_body_nor_a_body_for_another_moment(self):
        assert why(timestamp=str(int(NOW.timestamp()) + 1)) == "bad_signature"
        assert why(body_of([build("bounce", ANA, at=NOW.timestamp())])) == "bad_signature"

    def test_nothing_moves_between_timestamp_and_body(self):
        # H8: what is signed is timestamp + body, so their border must not be movable.
        right = signed(BODY)
        assert (
            why(BODY[1:], signature=right["signature"], timestamp=right["timestamp"] + "[") == "bad_timestamp"
        )
        assert why(
            right["timestamp"][-1:].encode() + BODY, **right | {"timestamp": right["timestamp"][:-1]}
        ) == ("bad_timestamp")
        digits = b"5" + BODY
        shifted = SIGNER.headers(digits, at=NOW.timestamp())
        assert why(digits, signature=shifted[SIGNATURE], timestamp=shifted[TIMESTAMP]) == "no_list"

    @pytest.mark.parametrize("body", [b"", b"{}", b"null", b" []", b"\xef\xbb\xbf[]", b"\x1f\x8b\x08[", b"1"])
    def test_a_signed_body_that_is_no_list_is_refused(self, body):
        assert why(body, **signed(body)) == "no_list"

    def test_sendgrid_may_try_again_for_a_day_and_no_recording_is_good_for_ever(self):
        for age in (timedelta(hours=24), TOLERANCE, -TOLERANCE):
            assert why(now=NOW + age) == ""
        for age in (
            TOLERANCE + timedelta(seconds=1),
            -TOLERANCE - timedelta(seconds=1),
            timedelta(days=3650),
        ):
            assert why(now=NOW + age) == "stale"

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=300), st.text(max_size=200), st.text(max_size=20))
    def test_whatever_is_posted_is_refused_and_nothing_else_happens(self, body, signature, timestamp):
        assert why(body, signature=signature, timestamp=timestamp) != ""
        assert why(body, signature=signature) != ""
        assert why(b"[" + body, signature=base64.b64encode(body[:80]).decode()) != ""


class TestKeys:
    def test_as_sendgrid_shows_it_as_pem_and_as_env_files_hold_it(self):
        for text in (
            SIGNER.shown,
            f"  {SIGNER.shown}\n",
            SIGNER.pem,
            SIGNER.pem.replace("\n", "\\n"),
            SIGNER.pem.replace("\n", "\r\n"),
            SIGNER.pem.replace("\n", " "),
        ):
            assert why(keys=parse_keys([text])) == ""

    @pytest.mark.parametrize("size", [1024, 2048])
    def test_an_rsa_key_is_refused(self, size):
        key = rsa.generate_private_key(65537, size).public_key()
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(ValueError, match="key 1 of RUNUP_SENDGRID_WEBHOOK_KEYS is of the kind RSA"):
            parse_keys([base64.b64encode(der).decode()])

    def test_so_is_every_other_kind_and_curve(self):
        ed = ed25519.Ed25519PrivateKey.generate().public_key()
        der = ed.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(ValueError, match="key 2 of RUNUP_SENDGRID_WEBHOOK_KEYS is of the kind Ed25519"):
            parse_keys([SIGNER.shown, base64.b64encode(der).decode()])
        for curve in (ec.SECP384R1(), ec.SECP256K1()):
            with pytest.raises(ValueError, match=f"is on the curve {curve.name}"):
                parse_keys([Signer(curve=curve).shown])

    @pytest.mark.parametrize(
        "text",
        ["", "SG.an-api-key.pasted", "AAAA", "a" * 3, "ключ", SIGNER.shown[:-8], SIGNER.shown + "AAAA"],
    )
    def test_what_is_no_key_is_named_by_its_place_and_never_quoted(self, text):
        with pytest.raises(
            ValueError, match="key 1 of RUNUP_SENDGRID_WEBHOOK_KEYS is no public key"
        ) as error:
            parse_keys([text])
        assert not text or text not in str(error.value)
        assert "Verification Key" in str(error.value)

    def test_a_private_key_is_refused_as_one(self):
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        with pytest.raises(ValueError, match="is a private key"):
            parse_keys([pem])
