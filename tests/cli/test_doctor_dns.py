"""What doctor finds in the DNS, asked of a real server on loopback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dns_server import Zone, dns_server
from terminals import Terminal

from runup.asking_dns import Dns, DnsSilent, parse_server
from runup.spf import BadRecord, Judge, extended, record_of

HERE = "interviews.example.com"
SERVER = "192.0.2.10"


def good() -> dict[tuple[str, str], list[str]]:
    """Everything as it should be."""
    return {
        (HERE, "A"): ["192.0.2.1"],
        (HERE, "MX"): ["10 mail.example.com."],
        (HERE, "TXT"): ['"something-verification=1"', '"v=spf1 include:_spf.example.com -all"'],
        ("_spf.example.com", "TXT"): ['"v=spf1 ip4:192.0.2.8/29 ~all"'],
        ("mail.example.com", "A"): [SERVER],
        ("10.2.0.192.in-addr.arpa", "PTR"): ["mail.example.com."],
        ("_dmarc.example.com", "TXT"): ['"v=DMARC1; p=quarantine"'],
    }


@pytest.fixture
def operator(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Who has set everything, and sends over a server of their own."""
    for name, value in {
        "PROVIDER": "smtp",
        "SMTP_HOST": "mail.example.com",
        "SENDER": f"hello@{HERE}",
        "POSTAL_ADDRESS": "Interviews, 2 Real Street",
        "BASE_URL": f"https://{HERE}",
        "BOUNCE_ADDRESS": f"bounces+{{reference}}@{HERE}",
        "BOUNCE_MAILBOX": "imaps://bounces@mail.example.com",
        "BOUNCE_MAILBOX_PASSWORD": "correct horse",
    }.items():
        monkeypatch.setenv(f"RUNUP_{name}", value)
    return runup


@pytest.fixture
def key(operator: Terminal, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = operator.folder / "dkim.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem)
    file.chmod(0o600)
    monkeypatch.setenv("RUNUP_DKIM_KEY_FILE", "dkim.pem")
    monkeypatch.setenv("RUNUP_DKIM_SELECTOR", "mail")
    return file


def told(operator: Terminal, zone: Zone, *subjects: str) -> list[tuple[str, str, str]]:
    with dns_server(zone) as server:
        found = operator("doctor", "--dns-server", server, "--json").json
    return [
        (one["level"], one["words"], one["remedy"])
        for one in found
        if one["subject"] in (subjects or ("dns", "mx", "spf", "dkim", "dmarc", "reverse"))
    ]


def test_a_domain_that_is_in_order_has_nothing_to_put_right(operator: Terminal) -> None:
    findings = told(operator, good())
    assert {level for level, _, _ in findings} == {"ok"}
    assert f"{HERE} lets mail.example.com ({SERVER}) send for it" in [words for _, words, _ in findings]
    assert len(findings) == 5


def test_a_bare_domain_is_told_every_record_that_it_needs(operator: Terminal, key: Path) -> None:
    remedies = [remedy for _, _, remedy in told(operator, {("mail.example.com", "A"): [SERVER]})]
    assert f"add {HERE} A and the server's address" in remedies
    assert f"add {HERE} MX 10 and the name of your mail server" in remedies
    assert f'add {HERE} TXT "v=spf1 a:mail.example.com ~all"' in remedies
    assert f'add _dmarc.{HERE} TXT "v=DMARC1; p=none; rua=mailto:postmaster@{HERE}"' in remedies
    (dkim,) = [remedy for remedy in remedies if "_domainkey" in remedy]
    assert dkim.startswith(f'add mail._domainkey.{HERE} TXT "v=DKIM1; k=ed25519; p=')


def test_the_record_that_doctor_gives_for_our_key_is_the_one_it_wants(operator: Terminal, key: Path) -> None:
    ((_, _, remedy),) = told(operator, good(), "dkim")
    record = remedy.partition(" TXT ")[2]
    zone = good() | {(f"mail._domainkey.{HERE}", "TXT"): [record]}
    assert told(operator, zone, "dkim") == [("ok", f"mail._domainkey.{HERE} holds the key we sign with", "")]


def test_another_key_in_the_dns_makes_every_signature_wrong(operator: Terminal, key: Path) -> None:
    zone = good() | {(f"mail._domainkey.{HERE}", "TXT"): ['"v=DKIM1; k=ed25519; p=AAAA"']}
    ((level, words, _),) = told(operator, zone, "dkim")
    assert (level, "every signature is wrong" in words) == ("failed", True)


def test_a_server_that_may_not_send_is_put_into_the_record(operator: Terminal) -> None:
    zone = good() | {("_spf.example.com", "TXT"): ['"v=spf1 ip4:198.51.100.0/24 ~all"']}
    ((level, words, remedy),) = told(operator, zone, "spf")
    assert level == "warning"
    assert "fail by" in words
    assert f'{HERE} TXT "v=spf1 include:_spf.example.com a:mail.example.com -all"' in remedy


@pytest.mark.parametrize(
    ("records", "answer"),
    [
        (['"v=spf1 -all"', '"v=spf1 mx -all"'], "2 SPF records, so none counts"),
        (['"v=spf1 +all"'], "lets everybody send"),
        (['"v=spf1 ip4:nonsense -all"'], "is no network"),
        ([f'"v=spf1 include:{HERE} -all"'], "more than 10 lookups"),
    ],
)
def test_records_that_count_for_nothing_are_noticed(
    operator: Terminal, records: list[str], answer: str
) -> None:
    ((level, words, remedy),) = told(operator, good() | {(HERE, "TXT"): records}, "spf")
    assert level != "ok"
    assert answer in words
    assert remedy


def test_a_domain_that_takes_no_mail_fails(operator: Terminal) -> None:
    ((level, words, _),) = told(operator, good() | {(HERE, "MX"): ["0 ."]}, "mx")
    assert (level, "takes no mail" in words) == ("failed", True)


def test_an_address_without_a_name_is_a_warning(operator: Terminal) -> None:
    zone = {name: records for name, records in good().items() if name[1] != "PTR"}
    ((level, _, remedy),) = told(operator, zone, "reverse")
    assert (level, "set the reverse name (PTR) to mail.example.com" in remedy) == ("warning", True)


def test_two_dmarc_records_are_none(operator: Terminal) -> None:
    zone = good() | {(f"_dmarc.{HERE}", "TXT"): ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']}
    ((level, words, _),) = told(operator, zone, "dmarc")
    assert (level, "none counts" in words) == ("failed", True)


def test_sendgrid_s_keys_are_looked_for(operator: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNUP_PROVIDER", "sendgrid")
    monkeypatch.setenv("RUNUP_SENDGRID_API_KEY", "SG.x")
    ((level, _, remedy),) = told(operator, good(), "dkim")
    assert level == "failed"
    assert f"s1._domainkey.{HERE}" in remedy
    keys = {(f"{name}._domainkey.{HERE}", "TXT"): ['"k=rsa; p=AAAA"'] for name in ("s1", "s2")}
    ((level, _, _),) = told(operator, good() | keys, "dkim")
    assert level == "ok"


def test_a_dns_that_fails_is_one_warning_and_no_verdict(operator: Terminal) -> None:
    with dns_server({}, fails=True) as server:
        found = operator("doctor", "--dns-server", server, "--json").json
    ((level, words),) = [
        (one["level"], one["words"]) for one in found if one["subject"] in ("dns", "spf", "mx")
    ]
    assert level == "warning"
    assert "were not looked at" in words


def test_a_dns_that_never_answers_does_not_hang() -> None:
    with dns_server({}, is_mute=True) as server:
        asked = Dns.of(server)
        began = time.monotonic()
        asked._until = began + 0.2
        with pytest.raises(DnsSilent, match="no answer came in time"):
            asked.texts(HERE)
        assert time.monotonic() - began < 5
        asked._until = began
        with pytest.raises(DnsSilent, match="too long"):
            asked.texts(HERE)


def test_where_emails_stay_here_nobody_is_asked(runup: Terminal) -> None:
    with dns_server({}, is_mute=True) as server:
        found = runup("doctor", "--dns-server", server, "--json").json
    assert not {one["subject"] for one in found} & {"dns", "mx", "spf", "dkim", "dmarc", "reverse"}


def test_nobody_is_asked_where_that_is_switched_off(
    operator: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNUP_DNS_SERVER", "off")
    found = operator("doctor", "--json").json
    assert [one["words"] for one in found if one["subject"] == "dns"] == ["not asked: dns_server is off"]


def test_a_server_that_cannot_be_is_bad_input(operator: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    result = operator("doctor", "--dns-server", "nine")
    assert (result.code, "--dns-server: 'nine' is no address" in result.err) == (2, True)
    monkeypatch.setenv("RUNUP_DNS_SERVER", "9.9.9.9:0")
    assert "RUNUP_DNS_SERVER" in operator("status").err


def test_servers_are_written_in_the_usual_ways() -> None:
    assert parse_server("9.9.9.9") == ("9.9.9.9", 53)
    assert parse_server("127.0.0.1:5353") == ("127.0.0.1", 5353)
    assert parse_server("::1") == ("::1", 53)
    assert parse_server("[::1]:5353") == ("::1", 5353)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ("v=spf1 ip4:192.0.2.10 -all", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "fail"),
        ("v=spf1 a:mail.example.com ~all", "pass"),
        ("v=spf1 mx -all", "pass"),
        ("v=spf1 mx:elsewhere.example.com ?all", "neutral"),
        ("v=spf1 a/24 ~all", "pass"),
        ("v=spf1 redirect=_spf.example.com", "pass"),
        ("v=spf1 exists:%{i}.example.com", "neutral"),
        ("v=spf1 -ip4:192.0.2.0/24 +all", "fail"),
    ],
)
def test_a_record_is_read_as_receivers_do(record: str, verdict: str) -> None:
    with dns_server(good() | {(HERE, "TXT"): [f'"{record}"']}) as server:
        assert Judge(Dns.of(server)).verdict(HERE, SERVER) == verdict


def test_a_mechanism_goes_before_what_ends_the_record() -> None:
    assert extended("v=spf1 mx -all", "a:x") == "v=spf1 mx a:x -all"
    assert extended("v=spf1 redirect=y", "a:x") == "v=spf1 a:x redirect=y"
    assert extended("v=spf1", "a:x") == "v=spf1 a:x"


def test_several_records_are_told_apart_from_none() -> None:
    with dns_server({(HERE, "TXT"): ['"v=spf1 -all"', '"v=spf1 mx"']}) as server:
        with pytest.raises(BadRecord, match="2 SPF records"):
            record_of(Dns.of(server), HERE)
        assert record_of(Dns.of(server), "other.example.com") == ""
