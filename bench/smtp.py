"""Processor time of one email over SMTP: writing the message, signing it, and the whole dialogue.

    python bench/smtp.py --emails 1000

The server is a process of its own that takes everything on kept connections. Trust ratios between runs on one
machine, not digits.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import BufferedRWPair
from multiprocessing.connection import Connection
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from delivery import Email, SmtpConfig, open_provider
from delivery.dkim import Signer, read_key
from delivery.mime import as_bytes

PARAGRAPH = '<p style="margin:0;  font-size:16px">Grüße — the eve of your interview, at ten.</p>\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--emails", type=int, default=1000)
    parser.add_argument("--kilobytes", type=int, default=24, help="of HTML")
    chosen = parser.parse_args()
    email = an_email(chosen.kilobytes * 1000)
    message = as_bytes(email)
    keys = {
        "RSA-2048": generate_private_key(public_exponent=65537, key_size=2048),
        "Ed25519": Ed25519PrivateKey.generate(),
    }
    pems = {
        name: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, key in keys.items()
    }
    print(f"{len(message) / 1000:.1f} kB a message, {chosen.emails} of them; ms of processor time each")
    show("writing the message", spent(lambda: as_bytes(email), chosen.emails))
    for name, pem in pems.items():
        signer = Signer(read_key(pem), selector="mail")
        sign = lambda: signer.sign(message, sender_domain="example.com", at=email.date)  # noqa: B023, E731
        show(f"signing, {name}", spent(sign, chosen.emails))
    by_dkimpy = lambda: dkim.sign(message, b"mail", b"example.com", pems["RSA-2048"])  # noqa: E731
    show("signing, RSA-2048, by dkimpy", spent(by_dkimpy, chosen.emails // 10))
    for name in ("", *pems):
        show(f"everything, {name or 'unsigned'}", over_smtp(email, pems.get(name, b""), chosen.emails))


def over_smtp(email: Email, pem: bytes, count: int) -> float:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key.pem"
        file.write_bytes(pem)
        signing = {"dkim_key_file": file, "dkim_selector": "mail"} if pem else {}
        config = SmtpConfig(host="127.0.0.1", port=ours.recv(), security="none", **signing)
        provider = open_provider(config)
        milliseconds = spent(lambda: provider.deliver(email), count)
        provider.close()
    server.terminate()
    return milliseconds


def serve(pipe: Connection) -> None:
    """Say yes to everything, one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            with (
                contextlib.suppress(OSError),
                connection,
                connection.makefile("rwb", buffering=1 << 16) as lines,
            ):
                _converse(lines)


def _converse(lines: BufferedRWPair) -> None:
    def say(line: bytes) -> None:
        lines.write(line + b"\r\n")
        lines.flush()

    say(b"220 sink")
    while line := lines.readline():
        if line.startswith(b"EHLO"):
            say(b"250-sink\r\n250 SIZE 99999999")
        elif line.startswith(b"DATA"):
            say(b"354 go on")
            while lines.readline() != b".\r\n":
                pass
            say(b"250 2.0.0 taken")
        else:
            say(b"250 ok")


def spent(work: Callable[[], object], count: int) -> float:
    work()
    before = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - before) / count * 1000


def show(what: str, milliseconds: float) -> None:
    print(f"  {what:<32}{milliseconds:6.2f}")


def an_email(size: int) -> Email:
    return Email(
        reference="0123456789abcdef0123456789abcdef",
        attempt=1,
        sender="hello@example.com",
        sender_name="runup",
        recipient="ana@example.com",
        recipient_name="Ana Müller",
        subject="Tomorrow at 10:00: your second interview — good luck",
        html=PARAGRAPH * (size // len(PARAGRAPH.encode())),
        text="Tomorrow at ten. Grüße\n" * (size // 200),
        date=datetime(2026, 3, 1, 17, 0, tzinfo=UTC),
        unsubscribe_url="https://runup.example.com/unsubscribe/token",
        list_id="second-interview.runup.example.com",
        categories=("second_interview", "eve"),
    )


if __name__ == "__main__":
    main()
