"""SendGrid's own API client on kept connections: the one file to import the (untyped) library."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from ssl import SSLContext
from typing import Any

from python_http_client.client import Client
from sendgrid.base_interface import region_host_dict
from sendgrid.sendgrid import SendGridAPIClient

from delivery.http import KeptHttp, Reply
from delivery.redaction import HiddenText


def open_client(
    api_key: str, *, region: str, host: str, timeout: float, tls: SSLContext | None
) -> KeptClient:
    """The client for one key: versions, addresses of the regions and headers are the library's.

    `host` goes before `region` when it is not empty.
    """
    # At DEBUG the library writes the key and the recipients to the log (H4). We do not run the lines that
    # do; this keeps them quiet should a later version move them.
    logging.getLogger("python_http_client").setLevel(logging.WARNING)
    api = SendGridAPIClient(api_key=api_key, host=host or region_host_dict[region])
    return KeptClient(
        host=api.host,
        request_headers={
            name: HiddenText(value)
            for name, value in {**api.client.request_headers, "Content-Type": "application/json"}.items()
        },
        version=3,
        transport=KeptHttp(api.host, timeout=timeout, tls=tls),
    )


class KeptClient(Client):  # type: ignore[misc]  # the library has no types
    """`client.mail.send.post(request_body=...)` as the library builds it, sent through KeptHttp.

    The library's own step has no timeout (H1), follows redirects with the key (H2), takes proxies from the
    environment (H5), formats key and recipients for its log (H4) and opens a new connection for every email.
    """

    def __init__(self, *, transport: KeptHttp, **rest: Any) -> None:
        super().__init__(**rest)
        self._transport = transport

    def _build_client(self, name: str | None = None) -> KeptClient:
        return KeptClient(
            transport=self._transport,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
        )

    def __getattr__(self, name: str) -> Any:
        if name in self.methods:
            return partial(self._exchange, name.upper())
        return super().__getattr__(name)

    def _exchange(self, method: str, *, request_body: bytes) -> Reply:
        target = self._build_url(None).removeprefix(self.host)
        return self._transport.exchange(method, target, self.request_headers, request_body)

    def server_time(self) -> datetime | None:
        return self._transport.server_time()

    def close(self) -> None:
        self._transport.close()
