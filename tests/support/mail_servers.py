"""Real mail servers on loopback, each with a folder of its own: Postfix, OpenDKIM, Dovecot. Needs root.

Nothing of the system's own configuration is read or changed; what is started here is ended here, by its id.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

READY_WITHIN = 20.0


class Certificates:
    """An authority that only those trust who are told to, and a certificate for localhost."""

    def __init__(self, folder: Path) -> None:
        authority, self.authority = trustme.CA(), folder / "authority.pem"
        issued = authority.issue_cert("localhost")
        self.chain, self.key = folder / "localhost.pem", folder / "localhost.key"
        authority.cert_pem.write_to_path(str(self.authority))
        issued.private_key_pem.write_to_path(str(self.key))
        self.chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def folder_for(user: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    found = pwd.getpwnam(user)
    os.chown(folder, found.pw_uid, found.pw_gid)
    return folder


@contextmanager
def running(folder: Path, port: int, *command: str) -> Iterator[None]:
    """`command` from when it listens on `port` until the end of the block; what it says goes to its log."""
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(port, process, folder)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args} does not listen:\n{logs_of(folder)}")


def _found(program: str) -> str:
    # Debian keeps servers out of the path of everybody but root.
    where = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if where is None:
        raise SystemExit(
            f"{program} is not installed (Debian: apt-get install postfix opendkim dovecot-lmtpd)"
        )
    return where


def logs_of(folder: Path) -> str:
    return "\n".join(
        f"--- {log}\n{log.read_text('utf-8', 'replace')}" for log in sorted(folder.glob("*.log"))
    )


@contextmanager
def postfix(folder: Path, port: int, settings: dict[str, str]) -> Iterator[None]:
    """A Postfix with its own configuration, queue and log."""
    folder.mkdir()
    queue, data = folder / "queue", folder_for("postfix", folder / "data")
    queue.mkdir()
    own = {
        "compatibility_level": "3.6",
        "queue_directory": str(queue),
        "data_directory": str(data),
        "maillog_file": str(folder / "mail.log"),
        "maillog_file_prefixes": str(folder),
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.0/8",
        "mydestination": "",
        "alias_maps": "",
        "alias_database": "",
        "disable_dns_lookups": "yes",
        "smtp_dns_support_level": "disabled",
        "smtpd_peername_lookup": "no",
        "biff": "no",
    }
    lines = [f"{name} = {value}" for name, value in (own | settings).items()]
    (folder / "main.cf").write_text("\n".join(lines) + "\n")
    (folder / "master.cf").write_text(_MASTER.format(port=port))
    # `check` makes the queue; `postfix start` would leave a master that is nobody's child.
    subprocess.run([_found("postfix"), "-c", str(folder), "check"], check=True, capture_output=True)
    where = [_found("postconf"), "-c", str(folder), "-h", "daemon_directory"]
    daemons = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    with running(folder, port, f"{daemons}/master", "-c", str(folder)):
        yield


_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""


@contextmanager
def opendkim(folder: Path, port: int, *, keys: dict[str, str], authority: str) -> Iterator[None]:
    """Verifies, with `keys` (DNS name to record) in place of the DNS."""
    folder_for("opendkim", folder)
    (folder / "keys").write_text("".join(f"{name} {record}\n" for name, record in keys.items()))
    settings = {
        "Mode": "v",
        "Socket": f"inet:{port}@127.0.0.1",
        "TestPublicKeys": str(folder / "keys"),
        "AuthservID": authority,
        "AlwaysAddARHeader": "yes",
        "UserID": "opendkim",
        "PidFile": str(folder / "opendkim.pid"),
        "Syslog": "no",
    }
    configuration = folder / "opendkim.conf"
    configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with running(folder, port, _found("opendkim"), "-f", "-x", str(configuration)):
        yield


@contextmanager
def dovecot(
    folder: Path,
    *,
    lmtp: int,
    imaps: int,
    owner: str,
    people: dict[str, tuple[Path, str, str]],
    certificates: Certificates,
) -> Iterator[None]:
    """Takes mail by LMTP and shows it by IMAP. `people`: address to (Maildir, password, quota such as 1K)."""
    folder.mkdir()
    user = pwd.getpwnam(owner)
    (folder / "people").write_text(
        "".join(
            f"{name}:{{PLAIN}}{password}:{user.pw_uid}:{user.pw_gid}::{maildir}::"
            f"userdb_mail=maildir:{maildir} userdb_quota_rule=*:storage={quota}\n"
            for name, (maildir, password, quota) in people.items()
        )
    )
    configuration = folder / "dovecot.conf"
    configuration.write_text(
        _DOVECOT.format(
            folder=folder, lmtp=lmtp, imaps=imaps, chain=certificates.chain, key=certificates.key, owner=owner
        )
    )
    with running(folder, imaps, _found("dovecot"), "-F", "-c", str(configuration)):
        yield


_DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/mail.log
protocols = lmtp imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{chain}
ssl_key = <{key}
default_login_user = dovenull
default_internal_user = dovecot
first_valid_uid = 1
auth_username_format = %Lu
lmtp_save_to_detail_mailbox = no
mail_plugins = $mail_plugins quota
plugin {{
  quota = maildir:User quota
}}
protocol lmtp {{
  postmaster_address = postmaster@example.com
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/people
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/people
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    user = {owner}
  }}
}}
"""
