"""A real server on loopback with a real database file, and a visitor whose browser knows no JavaScript."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from browsing import chromium, open_page
from databases import migrated_file
from sqlalchemy import select

from runup.application import Application
from runup.database import Base
from runup.serving import listen
from runup.settings import Settings
from runup.web import create_app
from subscribers import Interview, Purpose

__all__ = ["chromium", "open_page"]

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class MovableClock:
    """The one clock of the application under test."""

    now: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port nobody else has, known before the settings name it."""
    with listen("127.0.0.1", 0) as listener:
        yield listener


@pytest.fixture
def open_application(
    tmp_path: Path, clock: MovableClock, listening: socket.socket
) -> Iterator[Callable[..., Application]]:
    opened: list[Application] = []

    def open_(**settings: Any) -> Application:
        shutil.copy(migrated_file(), tmp_path / "runup.db")
        values = {
            "home": tmp_path,
            "base_url": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "secret_keys": ("k" * 40,),
            "suppression_key": "s" * 40,
        } | settings
        opened.append(Application.open(Settings(**values), clock=clock))
        return opened[-1]

    yield open_
    for application in opened:
        application.close()


@pytest.fixture
def application(open_application: Callable[..., Application]) -> Application:
    return open_application()


class Served:
    """`app` on a listening socket, in a thread, between `start` and `stop`."""

    def __init__(self, app: Any, listening: socket.socket) -> None:
        self._listening = listening
        config = uvicorn.Config(
            app, log_config=None, ws="none", lifespan="off", server_header=False, proxy_headers=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)

    def start(self) -> str:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.005)  # waits for a thread of ours, not for time to pass
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture
def serve(listening: socket.socket) -> Iterator[Callable[[Application], str]]:
    running: list[Served] = []

    def start(application: Application) -> str:
        running.append(Served(create_app(application), listening))
        return running[-1].start()

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def base_url(serve: Callable[[Application], str], application: Application) -> str:
    return serve(application)


class Visitor:
    """A person with a plain browser: keeps cookies, follows nothing, runs no script."""

    def __init__(self, application: Application, base_url: str) -> None:
        self.application = application
        self.http = httpx.Client(base_url=base_url, trust_env=False, timeout=60)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **more)

    def token_on(self, path: str) -> str:
        page = self.get(path).text
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found, f"no form on {path}: {page}"
        return found[1]

    def send(
        self, action: str, fields: dict[str, str], *, page: str | None = None, **more: Any
    ) -> httpx.Response:
        """Open `page` (else the form's own address) and send the form; a sign-up takes three seconds."""
        token = self.token_on(page or action)
        if action in ("/sign-up", "/newsletter"):
            self.application.clock.forward(seconds=3)
        return self.http.post(action, data={"form_token": token} | fields, **more)

    def sign_up(self, **fields: str) -> httpx.Response:
        values = {
            "email": "ana@example.com",
            "first_name": "Ana",
            "interview_date": "2026-12-04",
            "interview_time": "14:00",
            "home_zone": "Europe/Berlin",
            "consent": "yes",
        } | fields
        return self.send("/sign-up", values, page="/")

    def confirmed(self, **fields: str) -> Interview:
        """Sign up and press the button in the confirmation email."""
        assert self.sign_up(**fields).status_code == 303
        interview = self.interviews()[-1]
        answer = self.send(self.path(Purpose.CONFIRM, interview.id), {})
        assert answer.status_code == 303, answer.text
        return self.interviews()[-1]

    def path(self, purpose: Purpose, identity: int, action: str = "") -> str:
        url = self.application.links.url(purpose, identity, action=action)
        return url.removeprefix(self.application.links.base_url)

    def interviews(self) -> list[Interview]:
        with self.application.database.read() as session:
            found = list(session.scalars(select(Interview).order_by(Interview.id)))
            for interview in found:
                assert interview.subscriber is not None  # loaded while the session is open
            return found

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with self.application.database.read() as session:
            return {
                table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
            }

    def close(self) -> None:
        self.http.close()


@pytest.fixture
def visitor(application: Application, base_url: str) -> Iterator[Visitor]:
    visitor = Visitor(application, base_url)
    yield visitor
    visitor.close()
