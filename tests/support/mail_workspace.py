"""An operator's workspace that sends over the relay of `mail_town`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mail_town import OURS, PASSWORD, Place

from runup.settings import Settings

PROGRAM = Path(sys.executable).with_name("runup")


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
