"""What doctor says where emails leave over SMTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from terminals import Terminal


@pytest.fixture
def workspace(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """An operator's, with everything set but what these tests are about."""
    for name, value in {
        "PROVIDER": "smtp",
        "DNS_SERVER": "off",
        "SMTP_HOST": "mail.example.com",
        "SENDER": "hello@interviews.example.com",
        "POSTAL_ADDRESS": "Interviews, 2 Real Street",
        "BASE_URL": "https://interviews.example.com",
        "BOUNCE_ADDRESS": "bounces+{reference}@interviews.example.com",
        "BOUNCE_MAILBOX": "imaps://bounces@mail.example.com",
        "BOUNCE_MAILBOX_PASSWORD": "correct horse",
    }.items():
        monkeypatch.setenv(f"RUNUP_{name}", value)
    return runup


@pytest.fixture
def key(workspace: Terminal, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = workspace.folder / "dkim.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem)
    file.chmod(0o600)
    monkeypatch.setenv("RUNUP_DKIM_KEY_FILE", "dkim.pem")
    monkeypatch.setenv("RUNUP_DKIM_SELECTOR", "mail")
    return file


def findings(workspace: Terminal, subject: str) -> list[tuple[str, str, str]]:
    told = workspace("doctor", "--json").json
    return [(one["level"], one["words"], one["remedy"]) for one in told if one["subject"] == subject]


def test_the_record_for_the_dns_is_shown(workspace: Terminal, key: Path) -> None:
    ((level, words, _),) = findings(workspace, "signature")
    assert level == "ok"
    assert "TXT mail._domainkey.interviews.example.com: v=DKIM1; k=ed25519; p=" in words
    assert "PRIVATE" not in words


def test_without_a_key_the_server_has_to_sign(workspace: Terminal) -> None:
    assert findings(workspace, "signature") == [
        ("ok", "emails leave unsigned: your server has to sign them", "")
    ]


def test_a_key_that_others_can_read_fails(workspace: Terminal, key: Path) -> None:
    key.chmod(0o640)
    _, (level, words, remedy) = findings(workspace, "signature")
    assert (level, words, remedy) == ("failed", f"others can read {key}", f"chmod 600 {key}")


@pytest.mark.parametrize(
    ("domain", "counts"),
    [
        ("example.com", True),
        ("interviews.example.com", True),
        ("example.org", False),
        ("views.example.com", False),
    ],
)
def test_a_signature_that_counts_for_nothing_is_said_so(
    workspace: Terminal, key: Path, monkeypatch: pytest.MonkeyPatch, domain: str, counts: bool
) -> None:
    monkeypatch.setenv("RUNUP_DKIM_DOMAIN", domain)
    warnings = [words for level, words, _ in findings(workspace, "signature") if level == "warning"]
    assert (warnings == []) is counts
    assert all("DMARC" in words for words in warnings)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"DKIM_KEY_FILE": "nowhere.pem", "DKIM_SELECTOR": "mail"}, "nowhere.pem: No such file"),
        ({"DKIM_SELECTOR": "mail"}, "RUNUP_DKIM_KEY_FILE is missing"),
    ],
)
def test_a_wrong_key_is_the_provider_s_failure(
    workspace: Terminal, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], complaint: str
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(f"RUNUP_{name}", value)
    ((level, words, _),) = findings(workspace, "provider")
    assert level == "failed"
    assert complaint in words


def test_bounces_that_nobody_reads_fail_and_it_says_what_that_costs(
    workspace: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [level for level, _, _ in findings(workspace, "bounces")] == ["ok"]
    monkeypatch.setenv("RUNUP_BOUNCE_MAILBOX", "")
    ((level, words, remedy),) = findings(workspace, "bounces")
    assert level == "failed"
    assert "written to again and again" in words
    assert "set bounce_mailbox" in remedy
    assert workspace("doctor").code == 1


@pytest.mark.parametrize(
    ("name", "value", "level", "complaint"),
    [
        ("MAILBOX", "pop3://bounces@mail.example.com", "failed", "names no mailbox"),
        ("MAILBOX", "maildir:/var/mail/bounces", "failed", "a Maildir has none"),
        ("ADDRESS", "bounces@interviews.example.com", "warning", "cannot be told apart"),
    ],
)
def test_a_mailbox_that_cannot_work_is_named(
    workspace: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, level: str, complaint: str
) -> None:
    monkeypatch.setenv(f"RUNUP_BOUNCE_{name}", value)
    found = findings(workspace, "bounces")[-1]
    assert found[0] == level
    assert complaint in found[1]
    assert "correct horse" not in workspace("doctor").out


def test_looking_makes_nothing_in_the_mailbox(
    workspace: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNUP_BOUNCE_MAILBOX_PASSWORD", "")
    monkeypatch.setenv("RUNUP_BOUNCE_MAILBOX", f"maildir:{tmp_path / 'bounces'}")
    assert [level for level, _, _ in findings(workspace, "bounces")] == ["warning"]
    (tmp_path / "bounces" / "new").mkdir(parents=True)
    assert [level for level, _, _ in findings(workspace, "bounces")] == ["ok"]
    assert [path.name for path in (tmp_path / "bounces").iterdir()] == ["new"]
