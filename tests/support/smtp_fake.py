"""An SMTP server on a real loopback socket (aiosmtpd) whose every turn can be told to go wrong."""

from __future__ import annotations

import asyncio
import collections
import re
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from loop_thread import LoopThread


class Turn(Enum):
    """What the server does instead of answering."""

    HANG_UP = "the connection ends"
    RESET = "the connection is reset, and what was not read is lost"
    HALF = "half an answer, then the connection ends"
    HANG = "silence"
    DRIP = "a reply that never ends, a byte at a time"
    FLOOD = "lines of a reply, as many as the client takes"
    INJECT = "after the reply, in the same packet, a second one that nobody asked for"
    HANG_UP_MID_MESSAGE = "354, some of the message, then the connection is reset"


@dataclass(frozen=True)
class Received:
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    is_encrypted: bool
    is_international: bool


class SmtpFake:
    """`fail_next("RCPT", "550 ...")` answers the next RCPT so; "MESSAGE" is the answer to the final dot.
    Bytes are said as they are, and nothing after them.

    Verbs: GREETING, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, MESSAGE, RSET. `login` is the one good pair.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        is_international: bool = False,
        has_dsn: bool = False,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self.commands: list[str] = []
        self._implicit = tls
        self._starttls = starttls
        self._login = login
        self._is_international = is_international
        self.has_dsn = has_dsn
        self.parameters: list[str] = []
        """What was said of RFC 3461 with MAIL and RCPT, in order."""
        self._turns: dict[str, collections.deque[str | bytes | Turn]] = collections.defaultdict(
            collections.deque
        )
        self._thread = LoopThread()
        self._open: list[_Dialogue] = []

    def fail_next(self, verb: str, *turns: str | bytes | Turn) -> None:
        self._turns[verb].extend(turns)

    def next_turn(self, verb: str) -> str | bytes | Turn | None:
        return self._turns[verb].popleft() if self._turns[verb] else None

    def close_idle(self) -> None:
        """Close every connection from our side, as servers do with idle ones."""
        self._thread.call(self._hang_up_all)

    def __enter__(self) -> SmtpFake:
        self.port = self._thread.start(self._dialogue, tls=self._implicit, at_end=self._hang_up_all)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.stop()

    async def handle_EHLO(  # noqa: N802
        self, server: _Dialogue, session: Session, _: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*lines[:-1], *(["250-DSN"] if self.has_dsn else []), lines[-1]]

    async def handle_DATA(self, server: _Dialogue, session: Session, envelope: Envelope) -> str:  # noqa: N802
        turn = self.next_turn("MESSAGE")
        if turn is None or (isinstance(turn, str) and turn.startswith("2")):
            self.received.append(
                Received(
                    envelope.mail_from or "",
                    tuple(envelope.rcpt_tos),
                    envelope.original_content or b"",
                    session.ssl is not None or self._implicit is not None,
                    envelope.smtp_utf8,
                )
            )
        if isinstance(turn, Turn | bytes):
            await server.behave(turn)
        return turn if isinstance(turn, str) else f"250 2.0.0 Ok: queued as {len(self.received):06d}"

    def _hang_up_all(self) -> None:
        for dialogue in self._open:
            dialogue.hang_up()

    def _dialogue(self) -> _Dialogue:
        self.connections += 1
        dialogue = _Dialogue(
            self,
            loop=self._thread.loop,
            hostname="mx.example.com",
            enable_SMTPUTF8=self._is_international,
            tls_context=self._starttls,
            authenticator=self._check_login if self._login else None,
            auth_require_tls=self._implicit is None and self._starttls is not None,
        )
        self._open.append(dialogue)
        return dialogue

    def _check_login(self, _s: SMTP, _session: Session, _e: Envelope, _m: str, data: Any) -> AuthResult:
        good = (
            isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == self._login
        )
        return AuthResult(success=good, handled=False)


class _Dialogue(SMTP):
    def __init__(self, fake: SmtpFake, **rest: Any) -> None:
        self._fake = fake
        self._is_greeted = False
        self._is_injecting = False
        super().__init__(fake, **rest)
        for verb in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET"):
            self._smtp_methods[verb] = self._scripted(verb, self._smtp_methods[verb])

    def hang_up(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def behave(self, turn: Turn | bytes) -> None:
        if isinstance(turn, bytes):
            self._writer.write(turn)
        if turn is Turn.HANG or isinstance(turn, bytes):
            await asyncio.Event().wait()
        if turn is Turn.HALF:
            self._writer.write(b"25")
            self._writer.close()
            return
        if turn is Turn.RESET:
            at_once = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        if turn is Turn.HANG_UP_MID_MESSAGE:
            await self.push("354 go on")
            await self._reader.read(1000)
        while turn is Turn.FLOOD and self.transport is not None:
            self._writer.write(b"250-and more\r\n" * 1000)
            await self._writer.drain()
        while turn is Turn.DRIP and self.transport is not None:
            self._writer.write(b"2")
            await asyncio.sleep(0.02)
        self.hang_up()

    async def push(self, status: Any) -> None:
        if not self._is_greeted:
            self._is_greeted = True
            turn = self._fake.next_turn("GREETING")
            if isinstance(turn, Turn | bytes):
                await self.behave(turn)
                return
            status = turn or status
        if self._is_injecting:
            self._is_injecting = False
            status += "\r\n250 injected"
        await super().push(status)

    def _without_dsn(self, argument: str) -> str:
        """aiosmtpd knows nothing of RFC 3461 and refuses it."""
        if not self._fake.has_dsn:
            return argument
        found = re.findall(r" ((?:RET|ENVID|ORCPT|NOTIFY)=\S+)", argument or "")
        self._fake.parameters += found
        return re.sub(r" (RET|ENVID|ORCPT|NOTIFY)=\S+", "", argument or "")

    def _scripted(self, verb: str, method: Callable[[str], Any]) -> Callable[[str], Any]:
        async def run(argument: str) -> None:
            self._fake.commands.append(verb)
            turn = self._fake.next_turn(verb)
            if isinstance(turn, str):
                await self.push(turn)
            elif turn is not None and turn is not Turn.INJECT:
                await self.behave(turn)
            else:
                self._is_injecting = turn is Turn.INJECT
                await method(self._without_dsn(argument))

        return run
