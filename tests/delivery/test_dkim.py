"""Signatures, as dkimpy finds them: another implementation than ours."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from readers import KEYS, read
from smtp_fake import SmtpFake

from delivery import Email, Rejected, SmtpConfig, open_provider
from delivery.dkim import Signer, read_key, relaxed_body
from delivery.mime import as_bytes

MakeEmail = Callable[..., Email]


def pem(key: Any, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


@pytest.fixture(scope="session")
def rsa() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(tmp_path: Path, rsa: RSAPrivateKey) -> Path:
    file = tmp_path / "dkim.pem"
    file.write_bytes(pem(rsa))
    return file


def signed(email: Email, signer: Signer) -> bytes:
    return signer.sign(as_bytes(email), sender_domain="runup.example.com", at=email.date)


def verifies(message: bytes, signer: Signer, *, asked: list[str] | None = None) -> bool:
    def answer(name: bytes, timeout: int = 5) -> bytes:
        if asked is not None:
            asked.append(name.decode())
        return signer.public_record().encode()

    return bool(dkim.verify(message, dnsfunc=answer))


@pytest.mark.parametrize("key", KEYS)
def test_every_shipped_email_verifies(key: str, rsa: RSAPrivateKey, to_ana: MakeEmail) -> None:
    signer = Signer(rsa, selector="mail")
    for known in ({}, {"first_name": "Ana Müller-Łukasiewicz"}, {"mode": "video"}):
        content = read(key, **known)
        email = to_ana(subject=content.subject, html=content.html, text=content.text)
        assert verifies(signed(email, signer), signer)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Plain"},
        {"subject": "Grüße aus Köln — morgen um zehn, und ein paar Worte mehr, damit es zwei Zeilen sind"},
        {"subject": "  two  spaces  "},
        {"sender_name": "Überflieger & Söhne", "recipient_name": 'Ana "the one" Müller'},
        {"recipient": "ana.with.a.very.long.local.part.of.an.address@a.long.domain.of.hers.example.com"},
        {"text": ".\n..\n.leading dots\nend\n.\n", "html": "<p>\n.x\n.\n</p>"},
        {"text": "blanks at the end   \t\n\n\n\n", "html": "<p>\ta\t\tb   c</p>   \n\n\n"},
        {"text": "", "html": "<p>only one part</p>"},
        {"unsubscribe_url": "", "list_id": "", "categories": ()},
        {"unsubscribe_url": "https://runup.example.com/unsubscribe/" + "t" * 700},
        {"reply_to": ""},
        {"recipient": "añá@example.com"},
        {"sender": "hello@straße.example"},
    ],
)
def test_every_shape_of_an_email_verifies(
    changes: dict[str, Any], rsa: RSAPrivateKey, to_ana: MakeEmail
) -> None:
    signer = Signer(rsa, selector="mail")
    message = signed(to_ana(**changes), signer)
    assert verifies(message, signer)
    assert max(map(len, message.split(b"\r\n"))) <= 998


def test_lists_the_headers_that_count_and_from_once_more(rsa: RSAPrivateKey, to_ana: MakeEmail) -> None:
    message = signed(to_ana(), Signer(rsa, selector="mail"))
    head = re.sub(r"\r\n[ \t]+", "", message.decode().partition("\r\nFrom:")[0])
    tags = dict(part.strip().split("=", 1) for part in head.partition(":")[2].split(";"))
    assert tags["h"].split(":").count("from") == 2
    wanted = (
        "to subject date message-id reply-to list-unsubscribe list-unsubscribe-post mime-version content-type"
    )
    assert set(wanted.split()) < set(tags["h"].split(":"))
    assert (tags["d"], tags["s"], tags["c"], tags["a"]) == (
        "runup.example.com",
        "mail",
        "relaxed/relaxed",
        "rsa-sha256",
    )


def test_is_looked_for_where_the_selector_says(rsa: RSAPrivateKey, to_ana: MakeEmail) -> None:
    asked: list[str] = []
    signer = Signer(rsa, selector="mail.2026", domain="Mail.Example.COM")
    assert verifies(signed(to_ana(), signer), signer, asked=asked)
    assert asked == ["mail.2026._domainkey.mail.example.com."]


@pytest.mark.parametrize(
    "change",
    [
        lambda message: message.replace(b"Good luck", b"Bad luck"),
        lambda message: message.replace(b"Subject: ", b"Subject: Re: "),
        lambda message: message.replace(b"<ana@example.com>", b"<sam@example.com>"),
        lambda message: message.replace(b"unsubscribe/token", b"unsubscribe/other"),
        lambda message: message.replace(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        lambda message: b'From: "Somebody" <else@evil.example>\r\n' + message,
        lambda message: message.replace(b"MIME-Version", b"From: <else@evil.example>\r\nMIME-Version"),
        lambda message: message + b"one more line\r\n",
        lambda message: message.replace(b"multipart/alternative", b"multipart/mixed"),
    ],
)
def test_what_somebody_changes_on_the_way_breaks_it(
    change: Callable[[bytes], bytes], rsa: RSAPrivateKey, to_ana: MakeEmail
) -> None:
    signer = Signer(rsa, selector="mail")
    message = signed(to_ana(), signer)
    assert change(message) != message
    assert verifies(message, signer)
    assert not verifies(change(message), signer)


def test_what_servers_do_on_the_way_does_not_break_it(rsa: RSAPrivateKey, to_ana: MakeEmail) -> None:
    signer = Signer(rsa, selector="mail")
    message = b"Received: by mx.example.com; Sun, 1 Mar 2026 18:00:00 +0100\r\n" + signed(to_ana(), signer)
    message = message.replace(b"Subject:", b"Subject:  ").replace(b"Date: ", b"DATE:\t") + b"\r\n\r\n"
    assert verifies(message, signer)


def test_the_same_email_is_signed_with_the_same_bytes(rsa: RSAPrivateKey, to_ana: MakeEmail) -> None:
    assert signed(to_ana(), Signer(rsa, selector="mail")) == signed(to_ana(), Signer(rsa, selector="mail"))


def test_ed25519_verifies_too(monkeypatch: pytest.MonkeyPatch, to_ana: MakeEmail) -> None:
    # dkimpy does its own reading and hashing; PyNaCl, which it asks for the curve, is not installed here.
    curve = SimpleNamespace(
        signing=SimpleNamespace(VerifyKey=_VerifyKey),
        encoding=SimpleNamespace(Base64Encoder=None),
        exceptions=SimpleNamespace(ValueError=ValueError, BadSignatureError=AssertionError),
    )
    monkeypatch.setattr(dkim, "nacl", curve, raising=False)
    signer = Signer(Ed25519PrivateKey.generate(), selector="ed")
    message = signed(to_ana(), signer)
    assert b"a=ed25519-sha256;" in message
    assert verifies(message, signer)
    with pytest.raises(InvalidSignature):
        verifies(message.replace(b"Subject: ", b"Subject: Re: "), signer)


class _VerifyKey:
    def __init__(self, public: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(public))

    def verify(self, message: bytes, signature: bytes) -> None:
        self._key.verify(signature, message)


body_bytes = st.lists(
    st.sampled_from([b" ", b"\t", b"  ", b"\r\n", b"\r\n\r\n", b"a", b".", b"b c", b"=", b"  \t ", b" \r\n"]),
    max_size=30,
).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(body_bytes)
@example(b"")
@example(b"\r\n \r\n\t\r\n")
@example(b"a  \r\n\r\n \r\n")
def test_bodies_are_relaxed_as_the_standard_says(body: bytes) -> None:
    from dkim.canonicalization import Relaxed

    whole = body if body.endswith(b"\r\n") else body + b"\r\n"  # as every body of ours ends
    assert relaxed_body(whole) == Relaxed.canonicalize_body(whole)


def test_the_emails_on_the_wire_verify(
    smtp_server: SmtpFake, key_file: Path, rsa: RSAPrivateKey, to_ana: MakeEmail
) -> None:
    provider = open_provider(config(smtp_server.port, key_file))
    provider.deliver(to_ana(text=".\n..\n.leading\nend\n.\n", subject="Grüße"))
    provider.close()
    assert verifies(smtp_server.received[0].content, Signer(rsa, selector="mail"))


def test_without_a_key_nothing_is_signed(smtp_server: SmtpFake, to_ana: MakeEmail) -> None:
    provider = open_provider(SmtpConfig(host="localhost", port=smtp_server.port, security="none"))
    provider.deliver(to_ana())
    provider.close()
    assert b"DKIM-Signature" not in smtp_server.received[0].content


def test_what_cannot_be_written_is_not_signed_either(key_file: Path, to_ana: MakeEmail) -> None:
    provider = open_provider(config(1, key_file))
    with pytest.raises(Rejected):
        provider.deliver(to_ana(sender="two@signs@example.com"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (lambda _: b"", "no private key in PEM form"),
        (lambda _: b"\xff\x00garbage", "no private key in PEM form"),
        (lambda rsa: pem(rsa)[:500], "no private key in PEM form"),
        (lambda rsa: pem(rsa, b"secret"), "it is encrypted"),
        (lambda _: pem(generate_ec_key(SECP256R1())), "RSA and Ed25519 keys only"),
    ],
    ids=["nothing", "garbage", "half", "encrypted", "another curve"],
)
def test_a_wrong_key_is_named_and_not_quoted(
    tmp_path: Path, rsa: RSAPrivateKey, content: Callable[[RSAPrivateKey], bytes], complaint: str
) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content(rsa))
    with pytest.raises(ValueError, match=rf"RUNUP_DKIM_KEY_FILE .*key.pem: .*{complaint}") as refusal:
        config(25, file)
    assert "PRIVATE" not in str(refusal.value)


def test_a_key_that_receivers_refuse_is_refused_here(tmp_path: Path) -> None:
    # Libraries make no such key any more; two well-known primes do.
    p, q, e = 2**256 - 189, 2**256 - 357, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = RSAPrivateNumbers(
        p, q, d, rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q), RSAPublicNumbers(e, p * q)
    )
    file = tmp_path / "short.pem"
    file.write_bytes(pem(numbers.private_key()))
    with pytest.raises(ValueError, match=r"RUNUP_DKIM_KEY_FILE .*512 bits; receivers refuse RSA below 1024"):
        config(25, file)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"dkim_key_file": Path("/nowhere/key.pem")}, "RUNUP_DKIM_KEY_FILE /nowhere/key.pem: No such file"),
        ({"dkim_key_file": None}, "RUNUP_DKIM_KEY_FILE is missing"),
        ({"dkim_selector": ""}, "RUNUP_DKIM_SELECTOR is ''"),
        ({"dkim_selector": "a b"}, "RUNUP_DKIM_SELECTOR is 'a b'"),
        ({"dkim_selector": "mail\r\nBcc: x"}, "RUNUP_DKIM_SELECTOR is"),
        ({"dkim_domain": "example.com; x=1"}, "RUNUP_DKIM_DOMAIN is"),
        ({"dkim_domain": "-example.com"}, "RUNUP_DKIM_DOMAIN is"),
    ],
)
def test_a_wrong_setting_is_named(key_file: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        config(25, key_file, **changes)


@pytest.mark.parametrize("size", [1024, 2048, 4096])
def test_usual_sizes_of_rsa_are_taken(size: int, to_ana: MakeEmail) -> None:
    signer = Signer(
        read_key(pem(generate_private_key(public_exponent=65537, key_size=size))), selector="mail"
    )
    assert verifies(signed(to_ana(), signer), signer)


def config(port: int, key_file: Path, **changes: Any) -> SmtpConfig:
    values: dict[str, Any] = {"dkim_key_file": key_file, "dkim_selector": "mail"} | changes
    return SmtpConfig(host="localhost", port=port, security="none", **values)
