from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from runup.application import Application
from runup.database import upgrade
from runup.demo.clock import VirtualClock
from runup.demo.inbox import inbox_routes
from runup.settings import Settings
from runup.web.app import create_app
from scheduler import Worker


@dataclass(frozen=True)
class Stage:
    """A whole installation in a folder of its own: site, worker, database, outbox, one virtual clock."""

    application: Application
    clock: VirtualClock
    worker: Worker
    site: str
    """Where the site answers, without a slash at the end."""


@contextmanager
def stage(folder: Path, *, start: datetime, port: int = 0) -> Iterator[Stage]:
    """Build everything in `folder` and serve the site on this machine only; port 0 takes a free one."""
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    settings = Settings.model_validate(
        {
            "home": folder,
            "base_url": f"http://127.0.0.1:{port}",
            "provider": "outbox",
            # The demo is its own world: keys that nobody keeps.
            "secret_keys": (SecretStr(secrets.token_urlsafe(32)),),
            "suppression_key": SecretStr(secrets.token_urlsafe(32)),
            # One call after the other: the outbox shows them in the order of the clock.
            "concurrency": 1,
        }
    )
    clock = VirtualClock(start)
    application = Application.open(settings, clock=clock)
    upgrade(application.database)
    site = create_app(application)
    site.include_router(inbox_routes(application))
    worker = application.worker()
    with _served(site, listener):
        yield Stage(application, clock, worker, f"http://127.0.0.1:{port}")
    worker.close()
    application.close()


@contextmanager
def _served(site: FastAPI, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(site, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="site", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
