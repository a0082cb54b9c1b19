"""Somebody who follows a page of the docs line by line, in an empty folder.

A page marked `<!-- tried on 2026-11-23 -->` is followed from the mark on: every line of a ```console block
that begins with `$ ` is typed into a shell, must succeed, and must print the lines shown under it, in that
order. `…` stands for lines or words left out. Dates are moved by as many days as the page is old; dates and
times of day are not compared. `<!-- by hand: … -->` is what the reader does in the browser, as in `BY_HAND`.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from threading import Event

from runup.demo.visitor import Visitor

PATIENCE = 120.0
"""Seconds to wait for a site to start or an email to arrive; both take one or two."""
_MARK = re.compile(r"<!-- tried on (\d{4}-\d\d-\d\d) -->")
_BY_HAND = re.compile(r"<!-- by hand: (.+?) -->")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_WHEN = re.compile(
    r"\b20\d\d-\d\d-\d\d\b|127\.0\.0\.1:\d+|\b\d{1,2}:\d\dZ?|\b(Mon|Tues?|Wed(nes)?|Thu(rs)?|Fri|Sat(ur)?|Sun)(day)?\b"
    r"|\b\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b"
)
SITE = "http://127.0.0.1:8000"


@dataclass
class Line:
    """What the reader types, or does by hand, and what the page shows for it."""

    number: int
    command: str
    by_hand: bool = False
    shown: list[str] = field(default_factory=list)


def tried_on(text: str) -> date | None:
    found = _MARK.search(text)
    return date.fromisoformat(found[1]) if found else None


def lines_to_follow(text: str) -> list[Line]:
    """Every line of the page that a reader acts on, from its mark to its end."""
    lines: list[Line] = []
    fence, is_marked = "", False
    for number, line in enumerate(text.splitlines(), start=1):
        is_marked = is_marked or _MARK.search(line) is not None
        if line.lstrip().startswith("```"):
            fence = "" if fence else line.strip() or "```"
        elif is_marked and not fence and (found := _BY_HAND.search(line)):
            lines.append(Line(number, found[1], by_hand=True))
        elif is_marked and fence == "```console":
            if line.startswith("$ "):
                lines.append(Line(number, line.removeprefix("$ ")))
            else:
                assert lines, f"line {number}: output without a command"
                lines[-1].shown.append(line)
    return lines


def shown_in_order(shown: list[str], printed: str) -> str:
    """The first shown line that was not printed after the ones before it; empty when all were."""
    left = iter([_plain(line) for line in printed.splitlines()])
    for line in shown:
        pattern = ".*".join(re.escape(part) for part in _plain(line).split("…"))
        if pattern != ".*" and not any(re.fullmatch(pattern, other) for other in left):
            return line
    return ""


def _plain(line: str) -> str:
    return " ".join(_WHEN.sub("when", line.replace("─", "")).split())


class Reader:
    """Has an empty folder, a shell, a browser, and a site of their own on a free port."""

    def __init__(self, folder: Path, *, days_later: int, kept_words: Path) -> None:
        self.folder = self.home = folder
        self.days_later = days_later
        self.visitor = Visitor()
        self.site = f"http://127.0.0.1:{_free_port()}"
        self.running: list[subprocess.Popen[str]] = []
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("RUNUP_")} | {
            # `runup` and `python` are those the tests run with.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
            "RUNUP_PORT": self.site.rpartition(":")[2],
            "RUNUP_BASE_URL": self.site,
            "RUNUP_CACHE": str(kept_words),
        }

    def follow(self, line: Line) -> None:
        if line.by_hand:
            BY_HAND[line.command](self)
            return
        command = _DAY.sub(lambda day: self.later(day[0]), line.command).replace(SITE, self.site)
        if command in ("runup serve", "runup work"):
            printed = self._start(command, line.shown)
        else:
            printed = self._type(command)
        missing = shown_in_order([one.replace(SITE, self.site) for one in line.shown], printed)
        assert not missing, f"`{line.command}` did not print:\n{missing}\nbut:\n{printed}"

    def later(self, day: str) -> str:
        return (date.fromisoformat(day) + timedelta(days=self.days_later)).isoformat()

    def _type(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f'{command}\ncode=$?; pwd > "$HOME/.pwd"; exit $code'],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
        )
        assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        self.folder = Path((self.home / ".pwd").read_text().strip())
        return done.stdout + done.stderr

    def _start(self, command: str, shown: list[str]) -> str:
        """Start what goes on running; returns what it has said once it has said all that is shown."""
        errors = (self.home / "errors.log").open("a")
        process = subprocess.Popen(
            command.split(), cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        errors.close()
        self.running.append(process)
        assert process.stdout is not None
        assert shown, f"the page does not say what `{command}` prints; the reader cannot tell when it is up"
        printed = ""
        while shown_in_order([one.replace(SITE, self.site) for one in shown], printed):
            line = process.stdout.readline()
            assert line, f"`{command}` ended:\n{printed}{(self.home / 'errors.log').read_text()}"
            printed += line
        return printed

    def stop(self) -> None:
        """Ctrl-C in every terminal in which something goes on."""
        for process in self.running:
            process.terminate()
            code = process.wait(timeout=PATIENCE)
            assert process.stdout is not None
            process.stdout.close()
            assert code == 0, f"ended with {code}: {(self.home / 'errors.log').read_text()}"
        self.running.clear()

    def kill(self) -> None:
        for process in self.running:
            with suppress(ProcessLookupError):
                process.kill()
            process.communicate()

    # -- in the browser -----------------------------------------------------------------------------------

    def sign_up(self) -> None:
        page = self.visitor.open(f"{self.site}/")
        values = {
            "email": "ana@example.com",
            "first_name": "Ana",
            "interview_date": self.later("2026-12-11"),
            "interview_time": "14:00",
            "home_zone": "Europe/Berlin",
            "mode": "video",
            "consent": "yes",
        }
        # The site runs on the machine's clock here, and takes no form that was filled in within two seconds.
        Event().wait(3)
        assert "Check your inbox" in self.visitor.submit(page, "/sign-up", values).html

    def confirm(self) -> None:
        """The link in the newest email, and the button on the page it opens."""
        link = self._link_in_an_email("confirm")
        page = self.visitor.submit(self.visitor.open(link), link.rpartition("/")[2], {})
        assert "/plan/" in page.url

    def wait_for_the_plan(self) -> None:
        self._link_in_an_email("plan")

    def wait_for_the_issue(self) -> None:
        until, nobody = time.monotonic() + PATIENCE, Event()
        while time.monotonic() < until:
            for email in self.folder.glob("outbox/new/*.eml"):
                if (
                    "boxes"
                    in str(message_from_bytes(email.read_bytes(), policy=policy.default)["subject"]).lower()
                ):
                    return
            nobody.wait(0.05)  # as below
        raise AssertionError(f"the issue did not leave within {PATIENCE:.0f} seconds")

    def _link_in_an_email(self, purpose: str) -> str:
        until, nobody = time.monotonic() + PATIENCE, Event()
        while time.monotonic() < until:
            for email in sorted(self.folder.glob("outbox/new/*.eml"), reverse=True):
                message = message_from_bytes(email.read_bytes(), policy=policy.default)
                text = message.get_body(("plain",))
                found = re.search(
                    rf"{re.escape(self.site)}/{purpose}/\S+", text.get_content() if text else ""
                )
                if found:
                    return found[0]
            nobody.wait(0.05)  # the site is another process; there is nothing of it to be told by
        raise AssertionError(f"no email with a link to {purpose} came within {PATIENCE:.0f} seconds")


BY_HAND: dict[str, Callable[[Reader], None]] = {
    "sign up as Ana": Reader.sign_up,
    "open the link in the email and press the button": Reader.confirm,
    "wait for the welcome": Reader.wait_for_the_plan,
    "wait for the issue": Reader.wait_for_the_issue,
    "Ctrl-C": Reader.stop,
}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
