"""Our emails through a real Postfix, before a real OpenDKIM, and what comes back: `make check-mail-server`.

    python tests/support/check_mail_server.py

Two Postfixes on loopback: ours, which relays and keeps the bounces, and example.com's, with OpenDKIM before
it and Dovecot behind it, where one mailbox is full and one person does not exist. runup works as an operator
has it: a workspace, its worker, its commands. Ends with code 1 when anything is not as it should be.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from mail_servers import logs_of
from mail_town import OURS, THEIRS, Place, servers
from mail_workspace import Workspace
from private_network import enter_private_network

from campaigns import Catalog
from delivery import DeliveryError, Email, SmtpConfig, open_provider
from runup.application import brand_of
from runup.gallery import Gallery
from runup.providing import open_provider_of, sender_of

WITHIN = 60.0
"""Seconds for an email to arrive or to come back."""


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
    say(f"{len(wordings)} wordings of {gallery.emails} emails, signed with RSA-2048: {dict(results)}")
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
