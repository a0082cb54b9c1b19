"""One connection to the fake: HTTP/1.1 with keep-alive, done by hand so that it can go wrong by hand."""

from __future__ import annotations

import asyncio
import socket
import struct
from email.utils import format_datetime
from typing import TYPE_CHECKING, cast

import orjson
from sendgrid_faults import Fault, How, Where
from sendgrid_rules import Refused, check_body, check_head

if TYPE_CHECKING:
    from sendgrid_fake import SendGridFake


class Connection(asyncio.Protocol):
    def __init__(self, fake: SendGridFake) -> None:
        self._fake = fake
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._fault: Fault | None = None
        self._is_busy = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._fake.opened(self)
        next_fault = self._fake.peek_fault()
        if next_fault is not None and next_fault.where == Where.AT_ACCEPT:
            self._fake.take_fault()
            self._misbehave(next_fault)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fake.closed(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._read_on()

    def close(self) -> None:
        self._transport.close()

    def reset(self) -> None:
        # With a linger of 0 seconds closing sends RST.
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _read_on(self) -> None:
        if self._is_busy or self._transport.is_closing():
            return
        if self._head is None and not self._read_head():
            return
        assert self._head is not None
        if self._fault is not None and self._fault.where == Where.MID_BODY:
            self._misbehave(self._fault)
            return
        length = int(self._head[2].get("content-length", "0"))
        if len(self._buffer) < length:
            return
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._is_busy = True
        head, self._head = self._head, None
        self._handle(head, body)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        request, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        method, path, _ = request.split(" ", 2)
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        self._head = (method, path, headers)
        self._fake.requests.append(self._head)
        self._fault = self._fake.take_fault()
        return True

    def _handle(self, head: tuple[str, str, dict[str, str]], raw: bytes) -> None:
        try:
            check_head(*head, api_key=self._fake.api_key)
            body = check_body(raw)
        except Refused as refused:
            self._later(_response(refused.status, orjson.dumps({"errors": refused.errors})))
            return
        fault, self._fault = self._fault, None
        if fault is None:
            self._fake.accept(body, lambda message_id: self._later(_response(202, message_id=message_id)))
        elif fault.is_accepted:
            self._fake.accept(body, lambda _: self._misbehave(fault))
        else:
            self._misbehave(fault)

    def _later(self, response: bytes) -> None:
        if self._fake.latency:
            asyncio.get_running_loop().call_later(self._fake.latency, self._answer, response)
        else:
            self._answer(response)

    def _answer(self, response: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._fake.date is not None:
            dated = f"\r\nDate: {format_datetime(self._fake.date, usegmt=True)}\r\n".encode()
            response = response.replace(b"\r\n", dated, 1)
        self._transport.write(response)
        self._is_busy = False
        if self._buffer:
            self._read_on()

    def _misbehave(self, fault: Fault) -> None:
        self._is_busy = True
        match fault.how:
            case How.RESET:
                self.reset()
            case How.FIN:
                self.close()
            case How.HANG:
                self._transport.pause_reading()
            case How.REPLY if fault.keeps_open:
                self._answer(fault.reply)
            case How.REPLY:
                self._transport.write(fault.reply)
                self.close()
            case How.DRIP:
                self._drip(fault.reply, fault.pause)

    def _drip(self, reply: bytes, pause: float) -> None:
        if reply and not self._transport.is_closing():
            self._transport.write(reply[:1])
            asyncio.get_running_loop().call_later(pause, self._drip, reply[1:], pause)


def _response(status: int, body: bytes = b"", *, message_id: str = "") -> bytes:
    extra = f"X-Message-Id: {message_id}\r\n" if message_id else "Content-Type: application/json\r\n"
    reason = "Accepted" if status == 202 else "Refused"
    return f"HTTP/1.1 {status} {reason}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body
