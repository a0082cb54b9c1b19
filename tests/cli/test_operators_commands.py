"""`runup operators`: who may log in at /ops."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import sys
import time

import pyotp
import pytest
from argon2 import PasswordHasher
from terminals import PROGRAM, Terminal

from runup.operators import secrets

SECRETS = r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}|[A-Z2-7]{32}"
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 with less of it."""
    monkeypatch.setattr(secrets, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch):
    """What comes on standard input next."""
    return lambda line: monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))


def test_an_operator_is_added_listed_and_removed(runup: Terminal, typing) -> None:
    typing(PASSWORD)
    out = runup.ok("operators", "add", "Ada").out
    assert len(re.findall(r"^  ([a-z2-7]{4}-){3}[a-z2-7]{4}$", out, re.MULTILINE)) == 8
    assert re.search(r"^TOTP key: [A-Z2-7]{32}$", out, re.MULTILINE)
    assert "ada may log in at http://127.0.0.1:8000/ops" in out
    (row,) = runup.ok("operators", "list", "--json").json
    assert (row["name"], row["logged_in_at"]) == ("ada", None)
    assert "password" not in str(row)
    assert runup("operators", "remove", "ada").code == 2
    assert "there is no /ops" in runup.ok("operators", "remove", "ADA", "--yes").out
    assert runup.ok("operators", "list", "--json").json == []


def test_a_reset_makes_everything_anew(runup: Terminal, typing) -> None:
    typing(PASSWORD)
    before = set(re.findall(SECRETS, runup.ok("operators", "add", "ada").out))
    typing("another long enough password")
    assert runup("operators", "reset", "ada").code == 2
    after = set(re.findall(SECRETS, runup.ok("operators", "reset", "ada", "--yes").out))
    assert len(after) >= 9
    assert before.isdisjoint(after)


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("ada", "short", "at least 12 characters"),
        ("ada", "", "at least 12 characters"),
        ("ada", "aaaaaaaaaaaaaaaa", "easy to guess"),
        ("lovelace", "my lovelace secret", "easy to guess"),
        ("ada", "x" * 900 + "abcdefgh" * 20, "at most 1,000 characters"),
        ("ada lovelace", PASSWORD, "letters, digits, dots and dashes"),
        ("\x1b]0;x", PASSWORD, "letters, digits, dots and dashes"),
        ("a" * 41, PASSWORD, "40 at most"),
    ],
)
def test_what_cannot_be_is_said_and_nobody_is_added(
    runup: Terminal, typing, name: str, password: str, message: str
) -> None:
    typing(password)
    result = runup("operators", "add", name)
    assert (result.code, message in result.err) == (2, True), result.err
    assert "\x1b]" not in result.err
    assert runup.ok("operators", "list", "--json").json == []


def test_nobody_is_there_twice_and_nobody_unknown_is_reset(runup: Terminal, typing) -> None:
    typing(PASSWORD)
    runup.ok("operators", "add", "ada")
    assert "may log in already" in runup("operators", "add", "ADA").err
    assert "there is no operator bob" in runup("operators", "reset", "bob", "--yes").err
    assert "there is no operator bob" in runup("operators", "remove", "bob", "--yes").err


def test_a_password_cannot_be_an_argument(runup: Terminal) -> None:
    for words in (("ada", PASSWORD), ("ada", "--password", PASSWORD)):
        result = runup("operators", "add", *words)
        assert result.code == 2
        assert runup.ok("operators", "list", "--json").json == []


def test_unknown_names_take_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(PasswordHasher):
        verified: list[str] = []  # noqa: RUF012 - one list is meant

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            self.verified.append(str(hash).rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    monkeypatch.setattr(secrets, "_HASHER", Counting(time_cost=1, memory_cost=64, parallelism=1))
    secrets._nobody.cache_clear()
    known = secrets.hash_password(PASSWORD)
    assert [secrets.is_password("wrong", hashed) for hashed in (known, None)] == [False, False]
    assert len(Counting.verified) == 2
    assert len(set(Counting.verified)) == 1


def test_on_a_terminal_the_app_shows_a_code_of_the_key_before_anything_is_kept(runup: Terminal) -> None:
    """A real terminal: the password is not echoed, the picture is drawn, a wrong code is asked again."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["COLUMNS"] = "80"
        os.execv(PROGRAM, [str(PROGRAM), "operators", "add", "ada"])  # noqa: S606 - no shell is meant
    said = _until(terminal, "Password: ")
    os.write(terminal, f"{PASSWORD}\n".encode())
    said += _until(terminal, "once more: ")
    os.write(terminal, f"{PASSWORD}\n".encode())
    said += _until(terminal, "shows now: ")
    os.write(terminal, b"12345\n")
    said += _until(terminal, "shows now: ")
    key = re.search(r"this key into the app: ([A-Z2-7]{32})", said)
    assert key
    # The program is on the machine's own clock, which files know.
    (runup.folder / "now").touch()
    code = pyotp.TOTP(key[1]).at(int((runup.folder / "now").stat().st_mtime))
    os.write(terminal, f"{code}\n".encode())
    said += _until(terminal, "may log in at")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert status == 0
    assert PASSWORD not in said
    assert "▀" in said
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in said.splitlines() if "▀" in line) <= 80
    assert [row["name"] for row in runup.ok("operators", "list", "--json").json] == ["ada"]


def _until(terminal: int, words: str) -> str:
    said, ends = "", time.monotonic() + 60
    while words not in said:
        assert time.monotonic() < ends, said
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 65_536).decode("utf-8", "replace")
    return said
