"""The server's patience with whoever has connected and does not come to the point."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN = 15.0
"""Seconds from a connection, or from the first byte after an answer, to the end of a request's head."""


MOST_AT_ONCE = 64 * 1024
"""Bytes of an answer that wait for the rest of it."""


class AllAtOnce:
    """A transport that writes what is said in one moment at once: uvicorn says the head of an answer and its
    body one after the other, and each would be a packet, a call of the system and a wait for the interpreter.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._said: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        if not data:
            return
        if not self._said:
            self._loop.call_soon(self._flush)
        self._said.append(data)
        self._size += len(data)
        if self._size > MOST_AT_ONCE:
            self._flush()  # from here on the transport knows how much the other side can take

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        said, self._said, self._size = self._said, [], 0
        if said and not self._transport.is_closing():
            self._transport.write(b"".join(said))


class Punctual(H11Protocol):
    """Closes a connection whose request's head is not whole within `HEAD_WITHIN`.

    uvicorn itself waits without end for a head that drips, or never begins: a few thousand such connections
    cost their owner nothing and us every file descriptor. How long a body may take is said in
    runup/web/body_limit.py; a body that goes on after its answer is closed here.
    """

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(cast("asyncio.Transport", AllAtOnce(transport, self.loop)))
        self._wait_for_a_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering:
            self._stop_waiting()
        else:
            self._wait_for_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        return cycle is not None and not cycle.response_complete

    def _wait_for_a_head(self) -> None:
        # Not begun anew by every byte: that is how one drips.
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_WITHIN, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if not self._is_answering and not self.transport.is_closing():
            self.transport.abort()
