"""How workers end: real processes, a real fake provider, and signals in the middle of its calls."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sendgrid_fake import SendGridFake
from sqlalchemy import select
from terminals import PROGRAM, Terminal, in_a_process

from runup.database import Database
from scheduler import Send, State

ADDRESS = re.compile(r"http://\S+?/")


@pytest.fixture
def fake() -> Iterator[SendGridFake]:
    with SendGridFake(latency=3.0) as made:
        yield made


@pytest.fixture
def environment(fake: SendGridFake) -> dict[str, str]:
    return {
        "RUNUP_PROVIDER": "sendgrid",
        "RUNUP_SENDGRID_API_KEY": "SG.tests",
        "RUNUP_SENDGRID_HOST": fake.url,
        "RUNUP_CONCURRENCY": "2",
    }


@contextmanager
def running(*words: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [PROGRAM, *words], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | environment, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(holds: Callable[[], object], *, seconds: float = 60) -> None:
    """Wait for another process, which has its own clock."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def sign_up(folder: Path, count: int, **environment: str) -> None:
    soon = (datetime.now(UTC) + timedelta(days=21)).date()
    rows = "".join(f"p{number}@example.com,{soon},Europe/Berlin\n" for number in range(count))
    (folder / "people.csv").write_text(f"email,interview_date,home_zone\n{rows}")
    done = in_a_process("subscribers", "import", "people.csv", cwd=folder, **environment)
    assert done.returncode == 0, done.stderr


def states(url: str) -> Counter[str]:
    database = Database(url)
    with database.read() as session:
        found = Counter(session.scalars(select(Send.state).where(Send.step == "confirm")))
    database.close()
    return found


def asked(fake: SendGridFake) -> int:
    return sum(method == "POST" for method, _, _ in fake.requests)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_waits_for_its_calls_and_claims_nothing_more(
    bare: Terminal, fake: SendGridFake, environment: dict[str, str], number: signal.Signals
) -> None:
    bare.ok("init")
    sign_up(bare.folder, 12)
    url = f"sqlite:///{bare.folder / 'runup.db'}"
    with running("work", cwd=bare.folder, **environment) as process:
        until(lambda: asked(fake) >= 2)
        told = time.monotonic()
        process.send_signal(number)
        assert process.wait(25) == 0
        assert time.monotonic() - told < 25
    found = states(url)
    assert set(found) <= {State.PLANNED, State.ACCEPTED}, "nothing claimed, nothing on the wire"
    assert found[State.ACCEPTED] == len(fake.accepted) < 12
    assert found[State.ACCEPTED] >= 2


def test_told_twice_it_ends_at_once_and_the_next_start_knows_what_it_does_not_know(
    bare: Terminal, fake: SendGridFake, environment: dict[str, str]
) -> None:
    bare.ok("init")
    sign_up(bare.folder, 6)
    url = f"sqlite:///{bare.folder / 'runup.db'}"
    fake.latency = 15.0
    with running("work", cwd=bare.folder, **environment) as process:
        until(lambda: asked(fake) >= 2)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        told = time.monotonic()
        code = process.wait(10)
        assert time.monotonic() - told < 5
    assert code in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    assert states(url)[State.SENDING] >= 2
    # A minute later their leases have ended.
    with sqlite3.connect(bare.folder / "runup.db") as connection:
        connection.execute(
            "UPDATE send SET lease_until = '2020-01-01 00:00:00' WHERE lease_until IS NOT NULL"
        )
    connection.close()
    fake.latency = 0.0
    with running("work", cwd=bare.folder, **environment):
        until(lambda: states(url)[State.ACCEPTED] == 4)
    assert states(url) == {State.IN_DOUBT: 2, State.ACCEPTED: 4}
    assert max(Counter(accept.mid for accept in fake.accepted).values()) == 1


def test_a_terminal_that_tells_all_of_them_ends_each_gently(
    bare: Terminal, fake: SendGridFake, environment: dict[str, str], postgresql_url: str
) -> None:
    """Ctrl-C reaches every process of the group: for each it is the first word, not the second."""
    bare.ok("init")
    environment |= {"RUNUP_DATABASE": postgresql_url}
    sign_up(bare.folder, 12, RUNUP_DATABASE=postgresql_url)
    with running("work", "--processes", "2", cwd=bare.folder, **environment) as process:
        until(lambda: asked(fake) >= 3)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(25) == 0
    found = states(postgresql_url)
    assert set(found) <= {State.PLANNED, State.ACCEPTED}
    assert found[State.ACCEPTED] == len(fake.accepted)


def test_the_site_is_served_until_the_worker_has_ended(
    bare: Terminal, fake: SendGridFake, environment: dict[str, str]
) -> None:
    bare.ok("init")
    sign_up(bare.folder, 4)
    with running("serve", "--port", "0", cwd=bare.folder, **environment) as process:
        until(lambda: asked(fake) >= 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(25) == 0
    assert set(states(f"sqlite:///{bare.folder / 'runup.db'}")) <= {State.PLANNED, State.ACCEPTED}
