from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import HttpUrl

from runup.application import Application
from runup.database import upgrade
from runup.demo.clock import VirtualClock
from runup.demo.inbox import inbox_routes
from runup.serving import listen
from runup.settings import Settings
from runup.web.app import create_app
from runup.workspace import FILE, create_secrets
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
def stage(folder: Path, *, start: datetime, port: int = 0, database: str = "") -> Iterator[Stage]:
    """Build everything in `folder` and serve the site on this machine only; port 0 takes a free one.

    The folder is a workspace like any other afterwards: the command line works in it. `database`: another
    address than SQLite in the folder.
    """
    listener = listen("127.0.0.1", port)
    settings = _workspace(folder, site=f"http://127.0.0.1:{listener.getsockname()[1]}", database=database)
    clock = VirtualClock(start)
    application = Application.open(settings, clock=clock)
    upgrade(application.database)
    site = create_app(application)
    site.include_router(inbox_routes(application))
    worker = application.worker()
    with _served(site, listener):
        yield Stage(application, clock, worker, application.brand.site_url)
    worker.close()
    application.close()


def _workspace(folder: Path, *, site: str, database: str) -> Settings:
    (folder / FILE).write_text(f'base_url = "{site}"\nprovider = "outbox"\n', encoding="utf-8")
    create_secrets(folder)
    # Whatever the environment says: nothing of the demo may leave this machine, and it is served from here.
    return Settings.load(folder).model_copy(
        update={
            "base_url": HttpUrl(site),
            "provider": "outbox",
            "outbox": None,
            "database": database,
            # One call after the other: the outbox shows them in the order of the clock.
            "concurrency": 1,
        }
    )


@contextmanager
def _served(site: FastAPI, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(
        uvicorn.Config(site, log_config=None, log_level="warning", access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="site", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
