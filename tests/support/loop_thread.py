"""An asyncio server in a thread of its own, for fakes that tests talk to over real sockets."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable


class LoopThread:
    """Listens on 127.0.0.1 between `start` and `stop`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread: threading.Thread
        self._at_end: Callable[[], None] = lambda: None

    def start(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        at_end: Callable[[], None] = lambda: None,
    ) -> int:
        """The port. `at_end` runs in the loop's thread when the server stops."""
        self._at_end = at_end
        serve = self.loop.create_server(factory, "127.0.0.1", port, ssl=tls, backlog=1024)
        server = self.loop.run_until_complete(serve)
        self._thread = threading.Thread(target=self._run, args=(server,), name="fake", daemon=True)
        self._thread.start()
        return int(server.sockets[0].getsockname()[1])

    def call(self, function: Callable[[], None]) -> None:
        """Run `function` in the loop's thread and return when it is done."""
        done = threading.Event()

        def run() -> None:
            function()
            self.loop.call_soon(done.set)

        self.loop.call_soon_threadsafe(run)
        if not done.wait(10):
            raise RuntimeError("the fake hangs")

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def _run(self, server: asyncio.AbstractServer) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            server.close()
            self._at_end()
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            # Closing a connection takes the loop some rounds, of TLS some more.
            for _ in range(5):
                self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()
