"""Our emails through a real Postfix, before a real OpenDKIM, and what comes back: `make check-mail-server`.

    python tests/support/check_mail_server.py

Two Postfixes on loopback: ours, which relays and keeps the bounces, and example.com's, with OpenDKIM before
it and Dovecot behind it, where one mailbox is full and one person does not exist. runup works as an operator
has it: a workspace, its worker, its commands. Ends with code 1 when anything is not as it should be.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mail_servers import Certificates, dovecot, folder_for, free_port, logs_of, opendkim, postfix
from private_network import enter_private_network

from campaigns import Catalog
from delivery import DeliveryError, Email, SmtpConfig, open_provider
from delivery.dkim import Signer, read_key
from runup.application import brand_of
from runup.gallery import Gallery
from runup.providing import open_provider_of, sender_of
from runup.settings import Settings

OURS, THEIRS = "runup.example.com", "example.com"
OWNER = "nobody"
PROGRAM = Path(sys.executable).with_name("runup")
PASSWORD = "a password of the bounce mailbox"
WITHIN = 60.0
"""Seconds for an email to arrive or to come back."""


@dataclass(frozen=True)
class Place:
    """Where everything is."""

    folder: Path
    ours: int
    theirs: int
    imaps: int
    authority: Path
    key: Path

    @property
    def bounces(self) -> Path:
        return self.folder / "mail" / OURS / "bounces"

    def mailbox(self, name: str) -> Path:
        return self.folder / "mail" / THEIRS / name


def main() -> int:
    if os.geteuid() != 0:
        sys.stderr.write("this starts real mail servers, which only root can\n")
        return 2
    say("in a network of its own" if enter_private_network() else "on this machine's loopback")
    with tempfile.TemporaryDirectory(prefix="runup-mail-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with servers(folder) as place:
            wrong = list(check(place))
        if wrong:
            say(*(logs_of(folder / part) for part in ("relay", "mx", "dkim", "dovecot")))
    say(*(f"WRONG: {line}" for line in wrong))
    say("everything as it should be" if not wrong else f"{len(wrong)} things to put right")
    return 1 if wrong else 0


def check(place: Place) -> Iterator[str]:
    runup = Workspace(place)
    yield from every_email_passes(place, runup)
    yield from refusals_at_the_door(place)
    yield from bounces_become_suppressions(place, runup)


def every_email_passes(place: Place, runup: Workspace) -> Iterator[str]:
    """Every wording of the sequence, signed, past OpenDKIM into Ana's mailbox."""
    settings, now = runup.settings(), datetime.now(UTC)
    catalog = Catalog(brand=brand_of(settings))
    gallery = Gallery(catalog, "second_interview", sender=sender_of(settings), now=now)
    wordings = [wording for shelf in gallery.shelves for wording in shelf.wordings]
    provider = open_provider_of(settings)
    for wording in wordings:
        changes = {"recipient": f"ana@{THEIRS}", "reference": secrets.token_hex(16)}
        provider.deliver(replace(wording.email, **changes))
    provider.close()
    arrived = wait_for(lambda: messages(place.mailbox("ana")), len(wordings))
    results = Counter(str(message["Authentication-Results"]).split(";")[1].split()[0] for message in arrived)
    say(f"{len(wordings)} wordings of {len(gallery.shelves)} emails, signed with RSA-2048: {dict(results)}")
    if results != {"dkim=pass": len(wordings)}:
        yield f"of {len(wordings)} emails {dict(results)}"
    if any(f"d={OURS}" not in str(message["DKIM-Signature"]) for message in arrived):
        yield "an email arrived without our signature"
    yield from ed25519_passes(place)


def ed25519_passes(place: Place) -> Iterator[str]:
    file = place.folder / "ed25519.pem"
    before = len(messages(place.mailbox("ana")))
    provider = open_provider(direct(place, dkim_key_file=file, dkim_selector="ed"))
    provider.deliver(email_to("ana", subject="Grüße — ein Punkt steht vorn", text=".\n..\n.vorn\n"))
    provider.close()
    newest = wait_for(lambda: messages(place.mailbox("ana")), before + 1)[-1]
    result = " ".join(str(newest["Authentication-Results"]).split())
    say(f"one with Ed25519: {result}")
    if "dkim=pass" not in result:
        yield f"Ed25519: {result}"


def refusals_at_the_door(place: Place) -> Iterator[str]:
    """What the dialogue with the receiving server itself proves."""
    provider = open_provider(direct(place))
    for name, expected in (("nobody-here", "Rejected"), ("busy", "NotSent"), ("heavy", "Rejected")):
        try:
            provider.deliver(email_to(name))
            answer = "accepted"
        except DeliveryError as error:
            answer = type(error).__name__
            say(f"{name}: {answer}, {error}")
        if answer != expected:
            yield f"{name} is {answer} and not {expected}"
    provider.close()


def bounces_become_suppressions(place: Place, runup: Workspace) -> Iterator[str]:
    """People sign up, the worker writes to them, servers return what they cannot deliver."""
    for name in ("ana", "nobody-here", "full"):
        runup.add(f"{name}@{THEIRS}")
    with runup.at_work():
        returned = wait_for(lambda: messages(place.bounces), 2)
    say(*(f"came back to {m['X-Original-To'] or m['Delivered-To']}: {status_of(m)}" for m in returned))
    by_hand = runup.json("bounces", "read", "--most", "1")
    by_imap = runup.json("bounces", "read", mailbox=f"imaps://bounces%40{OURS}@localhost:{place.imaps}/INBOX")
    say(f"read from the Maildir: {by_hand}", f"read by IMAP: {by_imap}")
    suppressed = [(row["address"], row["reason"]) for row in runup.json("suppressions", "list")]
    states = {row["subscriber"]: row["state"] for row in runup.json("sends", "list", "--step", "welcome")}
    say(f"suppressed: {suppressed}", f"the welcome: {states}")
    if (by_hand["new"], by_imap["new"], by_hand["unusable"], by_imap["unusable"]) != (1, 1, {}, {}):
        yield f"read {by_hand} and {by_imap}"
    if suppressed != [(f"n…@{THEIRS}", "bounced")]:
        yield f"suppressed are {suppressed}"
    expected = {f"a…@{THEIRS}": "accepted", f"n…@{THEIRS}": "bounced", f"f…@{THEIRS}": "bounced"}
    if states != expected:
        yield f"the welcome is {states} and not {expected}"
    if (again := runup.json("bounces", "read"))["messages"]:
        yield f"a message was given twice: {again}"


class Workspace:
    """An operator's folder, and the installed program in it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._folder = place.folder / "workspace"
        self._folder.mkdir()
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("RUNUP_")
        } | {
            "RUNUP_PROVIDER": "smtp",
            "RUNUP_SMTP_HOST": "localhost",
            "RUNUP_SMTP_PORT": str(place.ours),
            "RUNUP_SMTP_SECURITY": "starttls",
            "RUNUP_SENDER": f"hello@{OURS}",
            "RUNUP_BOUNCE_ADDRESS": f"bounces+{{reference}}@{OURS}",
            "RUNUP_BOUNCE_MAILBOX": f"maildir:{place.bounces}",
            "RUNUP_DKIM_KEY_FILE": str(place.key),
            "RUNUP_DKIM_SELECTOR": "mail",
            "SSL_CERT_FILE": str(place.authority),
        }
        self("init")

    def __call__(self, *words: str, **changes: str) -> str:
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=self._folder,
            env=self._environment | changes,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"runup {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def json(self, *words: str, mailbox: str = "") -> object:
        changes = (
            {"RUNUP_BOUNCE_MAILBOX": mailbox, "RUNUP_BOUNCE_MAILBOX_PASSWORD": PASSWORD} if mailbox else {}
        )
        return json.loads(self(*words, "--json", **changes))

    def add(self, address: str) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 11 * 86_400))
        self(
            "subscribers", "add", address, "--date", day, "--time", "14:00", "--zone", "Europe/Berlin",
            "--consent-proof", "paper form",
        )  # fmt: skip

    @contextmanager
    def at_work(self) -> Iterator[None]:
        # Without the mailbox: what comes back is read by hand here, and not a minute later.
        environment = {k: v for k, v in self._environment.items() if k != "RUNUP_BOUNCE_MAILBOX"}
        worker = subprocess.Popen([PROGRAM, "work"], cwd=self._folder, env=environment)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(30)

    def settings(self) -> Settings:
        """The same, in this process."""
        os.environ.update(self._environment)
        return Settings.load(self._folder)


@contextmanager
def servers(folder: Path) -> Iterator[Place]:
    certificates = Certificates(folder)
    place = Place(folder, free_port(), free_port(), free_port(), certificates.authority, folder / "dkim.pem")
    milter, lmtp = free_port(), free_port()
    keys = {
        f"mail._domainkey.{OURS}": (place.key, generate_private_key(public_exponent=65537, key_size=2048)),
        f"ed._domainkey.{OURS}": (folder / "ed25519.pem", Ed25519PrivateKey.generate()),
    }
    for file, key in keys.values():
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    records = {
        name: Signer(read_key(file.read_bytes()), selector="x").public_record()
        for name, (file, _) in keys.items()
    }
    people = {
        f"{name}@{THEIRS}": (place.mailbox(name), "secret", quota)
        for name, quota in (("ana", "100M"), ("full", "1K"))
    }
    people[f"bounces@{OURS}"] = (place.bounces, PASSWORD, "100M")
    for part in (folder / "mail", folder / "mail" / OURS, folder / "mail" / THEIRS):
        folder_for(OWNER, part)
    with ExitStack() as stack:
        stack.enter_context(opendkim(folder / "dkim", milter, keys=records, authority=f"mx.{THEIRS}"))
        stack.enter_context(
            dovecot(
                folder / "dovecot",
                lmtp=lmtp,
                imaps=place.imaps,
                owner=OWNER,
                people=people,
                certificates=certificates,
            )
        )
        stack.enter_context(postfix(folder / "mx", place.theirs, theirs(place, milter, lmtp)))
        stack.enter_context(postfix(folder / "relay", place.ours, ours(place, certificates)))
        yield place


def ours(place: Place, certificates: Certificates) -> dict[str, str]:
    """Relays, and keeps what comes back."""
    return {
        "myhostname": f"mail.{OURS}",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_chain_files": f"{certificates.key}, {certificates.chain}",
        "transport_maps": f"inline:{{ {THEIRS}=smtp:[127.0.0.1]:{place.theirs} }}",
        **_maildirs(place, OURS),
        "virtual_mailbox_maps": f"inline:{{ bounces@{OURS}={OURS}/bounces/ }}",
    }


def theirs(place: Place, milter: int, lmtp: int) -> dict[str, str]:
    """Takes mail for its people, after a look at the signature."""
    doors = f"{{busy@{THEIRS} = 452 4.2.2 Mailbox full}}, {{heavy@{THEIRS} = 552 5.2.2 Mailbox full}}"
    known = ", ".join(f"{name}@{THEIRS}=1" for name in ("ana", "full", "busy", "heavy"))
    return {
        "myhostname": f"mx.{THEIRS}",
        "smtpd_milters": f"inet:127.0.0.1:{milter}",
        "milter_default_action": "tempfail",
        "transport_maps": f"inline:{{ {OURS}=smtp:[127.0.0.1]:{place.ours} }}",
        "smtpd_recipient_restrictions": f"check_recipient_access inline:{{ {doors} }}, permit_mynetworks",
        **_maildirs(place, THEIRS),
        "virtual_transport": f"lmtp:inet:127.0.0.1:{lmtp}",
        "virtual_mailbox_maps": f"inline:{{ {known} }}",
    }


def _maildirs(place: Place, domain: str) -> dict[str, str]:
    from pwd import getpwnam

    user = getpwnam(OWNER)
    return {
        "virtual_mailbox_domains": domain,
        "virtual_mailbox_base": str(place.folder / "mail"),
        "virtual_uid_maps": f"static:{user.pw_uid}",
        "virtual_gid_maps": f"static:{user.pw_gid}",
        "recipient_delimiter": "+",
    }


def direct(place: Place, **changes: object) -> SmtpConfig:
    """To example.com's own server, without a relay between."""
    values = {"dkim_key_file": place.key, "dkim_selector": "mail"} | changes
    return SmtpConfig(host="127.0.0.1", port=place.theirs, security="none", **values)


def email_to(name: str, **changes: str) -> Email:
    values = {"subject": "Tomorrow", "html": "<p>.</p>", "text": "Tomorrow"} | changes
    return Email(
        reference="0" * 32,
        attempt=1,
        sender=f"hello@{OURS}",
        sender_name="runup",
        recipient=f"{name}@{THEIRS}",
        date=datetime.now(UTC),
        **values,
    )


def messages(maildir: Path) -> list[EmailMessage]:
    files = sorted(maildir.glob("new/*")) + sorted(maildir.glob("cur/*"))
    return [message_from_bytes(file.read_bytes(), EmailMessage, policy=policy.default) for file in files]


def status_of(bounce: EmailMessage) -> str:
    for part in bounce.walk():
        if part.get_content_type() == "message/delivery-status":
            block = part.get_payload()[-1]
            return f"{block['Action']} {block['Status']} {' '.join(block['Diagnostic-Code'].split())}"
    return "no report"


def wait_for(look: Callable[[], list[EmailMessage]], count: int) -> list[EmailMessage]:
    end = time.monotonic() + WITHIN
    while len(found := look()) < count and time.monotonic() < end:
        time.sleep(0.2)
    return found


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
