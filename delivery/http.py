"""One HTTP request on a kept connection, and what its failure proves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from ssl import SSLContext, create_default_context
from urllib.parse import urlsplit

from delivery.pool import Pool
from delivery.provider import NotSent, Unknown
from delivery.redaction import HiddenBytes
from delivery.sockets import DeadlineSocket, connect

_BODY_LIMIT = 65_536
"""Of a reply we read no more; the status and a few words of explanation are all we use."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class KeptHttp:
    """Requests to one origin. Knows no redirects and no proxies, whatever the environment says (H2, H5)."""

    def __init__(
        self,
        origin: str,
        *,
        timeout: float,
        tls: SSLContext | None = None,
        allow: Callable[[str], bool] | None = None,
    ) -> None:
        """`allow`: as of sockets.connect."""
        parts = urlsplit(origin)
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_tls else 80)
        self._host_header = parts.netloc
        self._tls = (tls or create_default_context()) if self._is_tls else None
        self._timeout = timeout
        self._allow = allow
        self._pool: Pool[DeadlineSocket] = Pool(self._connect)

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Send one request and read its reply, all within the timeout (seconds; the usual one if None).

        Raises NotSent as long as the other side cannot have a complete request, Unknown from then on. With
        a Content-Length a request is complete with its last byte, and a send that fails kept that byte back.
        """
        deadline = time.monotonic() + (timeout or self._timeout)
        request = HiddenBytes(self._head(method, target, headers, len(body)) + body)
        try:
            connection, _ = self._pool.take(deadline)
        except OSError as error:
            raise NotSent(f"no connection to {self._host}: {_reason(error)}") from error
        connection.deadline = deadline
        is_reusable = False
        try:
            _hand_over(connection, request, self._host)
            reply, is_reusable = self._read(connection, method)
        finally:
            if is_reusable:
                self._pool.give_back(connection)
            else:
                connection.close()
        return reply

    def server_time(self) -> datetime | None:
        """What the other side's clock says now, within five seconds; None when it cannot be learned.

        Asks for nothing and shows no key: any reply has its date."""
        try:
            reply = self.exchange("GET", "/", {}, b"", timeout=5.0)
            told = parsedate_to_datetime(reply.headers["date"])
        except (NotSent, Unknown, KeyError, ValueError):
            return None
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)

    def close(self) -> None:
        self._pool.close()

    def _connect(self, deadline: float) -> DeadlineSocket:
        connection = connect(self._host, self._port, deadline, allow=self._allow)
        if self._tls is not None:
            try:
                connection.start_tls(self._tls, self._host)
            except BaseException:
                connection.close()
                raise
        return connection

    def _read(self, connection: DeadlineSocket, method: str) -> tuple[Reply, bool]:
        try:
            return _read_reply(connection, method)
        except Exception as error:  # whatever it is, the request is on the other side
            raise Unknown(f"no whole reply from {self._host}: {_reason(error)}") from error

    def _head(self, method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host_header}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def _hand_over(connection: DeadlineSocket, request: bytes, host: str) -> None:
    try:
        connection.sendall(request)
    except OSError as error:
        raise NotSent(f"{host} did not take the whole request: {_reason(error)}") from error


def _read_reply(connection: DeadlineSocket, method: str) -> tuple[Reply, bool]:
    # HTTPResponse asks for no more of a socket than makefile().
    with HTTPResponse(connection, method=method) as response:  # type: ignore[arg-type]
        response.begin()
        body = _read_body(response)
        headers = {name.lower(): value for name, value in response.getheaders()}
        is_whole = response.isclosed() and not response.will_close
        return Reply(response.status, headers, body), is_whole


def _read_body(response: HTTPResponse) -> bytes:
    # read(n) takes a body that was cut short for a whole one, read() does not.
    if response.length is not None and response.length <= _BODY_LIMIT:
        return response.read()
    return response.read(_BODY_LIMIT)


def _reason(error: Exception) -> str:
    # The text of an http.client error repeats what the server sent.
    return f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
