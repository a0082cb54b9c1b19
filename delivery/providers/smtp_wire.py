"""What an SMTP server says, read no further than it may speak, and heard when it speaks out of turn."""

from __future__ import annotations

from delivery.sockets import DeadlineSocket

MOST_SAID = 100_000
"""Bytes of one answer. Real ones are lines; without a limit a server could fill the memory in one call."""
_AT_ONCE = 8192


class SmtpWire:
    """The socket that smtplib is given: it sends, makes a file to read from, and closes."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self._sock = sock
        self._replies = _Replies(sock)

    def sendall(self, data: bytes) -> None:
        self._replies.allowance = MOST_SAID
        self._sock.sendall(data)

    def makefile(self, *_: object) -> _Replies:
        """What was read and not yet asked for is gone: nothing said before counts after STARTTLS."""
        self._replies = _Replies(self._sock)
        return self._replies

    def is_quiet(self) -> bool:
        """Open, with nothing said that nobody asked for."""
        return not self._replies.buffer and self._sock.is_quiet()

    def has_spoken(self) -> bool:
        """The server has said something, or hung up, although it is our turn."""
        return self._replies.has_more()

    def close(self) -> None:
        self._sock.close()


class _Replies:
    """As much of a file as smtplib reads."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self._sock = sock
        self.buffer = bytearray()
        self.allowance = MOST_SAID

    def readline(self, limit: int) -> bytes:
        """b"" when the server hangs up in the middle of a line: "25" may have been going to be anything."""
        while b"\n" not in self.buffer and len(self.buffer) < limit:
            if not self._receive():
                self.buffer.clear()
                break
        end = min(self.buffer.find(b"\n") + 1 or len(self.buffer), limit)
        line = bytes(self.buffer[:end])
        del self.buffer[:end]
        self.allowance -= end
        if self.allowance < 0:
            raise ConnectionError("the server speaks without an end")
        return line

    def has_more(self) -> bool:
        if self.buffer:
            return True
        said = self._sock.receive_now(_AT_ONCE)
        self.buffer += said or b""
        return said is not None

    def close(self) -> None:
        """The socket is closed by whoever opened it."""

    def _receive(self) -> bool:
        chunk = bytearray(_AT_ONCE)
        size = self._sock.receive_into(chunk)
        self.buffer += chunk[:size]
        return size > 0
