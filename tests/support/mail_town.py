"""Two domains with real mail servers: ours relays and keeps what comes back, theirs has people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mail_servers import Certificates, dovecot, folder_for, free_port, opendkim, postfix

from delivery.dkim import Signer, read_key

OURS, THEIRS = "runup.example.com", "example.com"
OWNER = "nobody"
PASSWORD = "a password of the bounce mailbox"


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
    user = getpwnam(OWNER)
    return {
        "virtual_mailbox_domains": domain,
        "virtual_mailbox_base": str(place.folder / "mail"),
        "virtual_uid_maps": f"static:{user.pw_uid}",
        "virtual_gid_maps": f"static:{user.pw_gid}",
        "recipient_delimiter": "+",
    }
