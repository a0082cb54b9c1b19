"""Every answer has a number, and what is logged meanwhile has it too; nothing logged is somebody's link."""

from __future__ import annotations

import re

import pytest
from structlog.testing import capture_logs

from subscribers import Purpose


def test_every_answer_has_a_number_of_its_own(visitor):
    first, second = (visitor.get("/health/live").headers["x-request-id"] for _ in range(2))
    assert first != second
    assert re.fullmatch(r"[0-9a-f]{16}", first)


@pytest.mark.parametrize(("trusted", "taken"), [(("127.0.0.1",), True), ((), False)])
def test_only_a_trusted_proxy_brings_its_own(open_application, serve, trusted, taken):
    import httpx

    url = serve(open_application(trusted_proxies=trusted))
    answer = httpx.get(f"{url}/health/live", headers={"X-Request-ID": "edge-0123456789"}, timeout=60)
    assert (answer.headers["x-request-id"] == "edge-0123456789") is taken
    forged = httpx.get(f"{url}/health/live", headers={"X-Request-ID": 'a"} {"event": "forged'}, timeout=60)
    assert "forged" not in forged.headers["x-request-id"]


def test_a_request_is_logged_by_its_route_and_never_by_its_path(visitor):
    interview = visitor.confirmed()
    path = visitor.path(Purpose.PLAN, interview.id)
    with capture_logs() as logs:
        answer = visitor.get(path)
        visitor.get("/health/live")  # on the same connection: the first is logged by now
    lines = [line for line in logs if line["event"] == "request" and line["route"] == "/plan/{token}"]
    assert [line["status"] for line in lines] == [answer.status_code]
    assert path.rpartition("/")[2] not in str(logs)


def test_what_breaks_is_logged_once_with_its_number_and_the_visitor_gets_it(visitor, monkeypatch):
    monkeypatch.setattr("runup.web.health.look", lambda *_, **__: 1 / 0)
    with capture_logs(processors=[]) as logs:
        answer = visitor.get("/health")
    assert answer.status_code == 500
    (line,) = [line for line in logs if line["event"] == "request_failed"]
    assert (line["method"], line["route"]) == ("GET", "/health")
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])
