"""A running site on a port of its own, in a thread of the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from runup.application import Application
from runup.serving import listen
from runup.web import create_app


@contextmanager
def serving(application: Application) -> Iterator[str]:
    """Its address."""
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            create_app(application), log_config=None, ws="none", lifespan="off", server_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the site did not start"
            time.sleep(0.005)  # waits for a thread of ours, not for time to pass
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
