from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from subscribers import Purpose

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example.com"},
    {"Origin": "http://127.0.0.1.evil.example.com"},
]


@pytest.fixture
def interview(visitor):
    return visitor.confirmed()


def token_pages(visitor, interview):
    return [
        visitor.path(Purpose.CONFIRM, interview.id),
        visitor.path(Purpose.PLAN, interview.id),
        visitor.path(Purpose.PLAN, interview.id, "move"),
        visitor.path(Purpose.PLAN, interview.id, "cancel"),
        visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id),
        visitor.path(Purpose.PLAN, interview.id, "pause"),
        visitor.path(Purpose.LEAVE, interview.id),
        visitor.path(Purpose.CALENDAR, interview.id) + ".ics",
    ]


def test_every_answer_carries_the_security_headers(visitor, interview):
    paths = [
        "/",
        "/check-your-inbox",
        "/nowhere",
        "/health",
        "/static/site.css",
        *token_pages(visitor, interview),
    ]
    for path in paths:
        headers = visitor.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'")
        for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "unsafe-inline" not in policy
        assert "strict-transport-security" not in headers


def test_token_pages_leave_no_trace(visitor, interview):
    for path in [*token_pages(visitor, interview), "/confirm/forged", "/plan/forged/move"]:
        headers = visitor.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex, nofollow"


def test_https_brings_hsts_and_a_locked_cookie(open_application, serve):
    import httpx

    url = serve(open_application(base_url="https://runup.example.com"))
    answer = httpx.get(url, trust_env=False, timeout=60)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-runup-form=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie


def test_reading_changes_nothing(visitor, interview):
    before = visitor.dump()
    for path in ["/", "/check-your-inbox", "/health", *token_pages(visitor, interview)]:
        got, head = visitor.get(path), visitor.http.head(path)
        assert head.status_code == got.status_code
        assert head.content == b""
        assert visitor.http.options(path).status_code == 405
        assert visitor.http.request("TRACE", path).status_code == 405
        for method in ("PUT", "DELETE", "PATCH"):
            assert visitor.http.request(method, path).status_code == 405
    for path in ("/sign-up",):
        assert visitor.get(path).status_code == 405
    assert visitor.dump() == before


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_of_another_site_is_refused_even_with_a_stolen_token(visitor, interview, headers):
    token = visitor.token_on("/")
    before = visitor.dump()
    posts = [
        (
            "/sign-up",
            {
                "email": "sam@example.com",
                "interview_date": "2026-12-04",
                "home_zone": "UTC",
                "consent": "yes",
            },
        ),
        (visitor.path(Purpose.CONFIRM, interview.id), {}),
        (visitor.path(Purpose.PLAN, interview.id, "cancel"), {}),
        (visitor.path(Purpose.PLAN, interview.id, "move"), {"interview_date": "2026-12-05"}),
        (visitor.path(Purpose.PLAN, interview.id, "newsletter"), {"list-newsletter": "yes"}),
        (visitor.path(Purpose.KEEP, interview.subscriber_id), {"only": "everything"}),
    ]
    for path, fields in posts:
        answer = visitor.http.post(path, data={"form_token": token} | fields, headers=headers)
        assert answer.status_code == 403
        assert "That came from another site" in answer.text
    assert visitor.dump() == before


def test_our_own_pages_are_taken_however_the_browser_describes_them(visitor, base_url):
    for headers in (
        {"Origin": base_url, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},  # a page without referrer
        {"Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {},
    ):
        fields = {
            "interview_date": "2026-12-04",
            "email": "ana@example.com",
            "home_zone": "UTC",
            "consent": "yes",
        }
        assert visitor.send("/sign-up", fields, page="/", headers=headers).status_code == 303


def test_a_form_without_its_other_half_is_refused(visitor, interview):
    path = visitor.path(Purpose.PLAN, interview.id, "cancel")
    token = visitor.token_on(path)
    before = visitor.dump()
    assert visitor.http.post(path, data={}).status_code == 403
    assert visitor.http.post(path, data={"form_token": token + "x"}).status_code == 403
    assert (
        visitor.http.post(path, data={"form_token": "é\ud83d".encode("utf-16", "replace").hex()}).status_code
        == 403
    )
    visitor.http.cookies.clear()
    assert visitor.http.post(path, data={"form_token": token}).status_code == 403
    visitor.http.cookies.set("runup-form", "A" * 22)
    assert visitor.http.post(path, data={"form_token": token}).status_code == 403
    assert visitor.dump() == before


def test_a_plan_form_that_lay_open_too_long_asks_to_send_it_again(visitor, interview, clock):
    path = visitor.path(Purpose.PLAN, interview.id, "move")
    token = visitor.token_on(path)
    clock.forward(hours=25)
    answer = visitor.http.post(path, data={"form_token": token, "interview_date": "2026-12-11"})
    assert answer.status_code == 403
    assert "Please send that once more" in answer.text


def test_two_tabs_of_one_browser_both_work(visitor):
    first, second = visitor.token_on("/"), visitor.token_on("/")
    assert first != second
    visitor.application.clock.forward(seconds=3)
    for token in (first, second):
        fields = {"form_token": token, "email": "ana@example.com", "interview_date": "2026-12-04",
                  "home_zone": "UTC", "consent": "yes"}  # fmt: skip
        assert visitor.http.post("/sign-up", data=fields).status_code == 303


def test_the_nonce_of_the_cookie_stands_on_no_page(visitor):
    page = visitor.get("/")
    assert visitor.http.cookies["runup-form"] not in page.text


def test_a_locked_database_answers_503_without_details_and_recovers(visitor, monkeypatch):
    database = type(visitor.application.database)
    real = database.write

    def locked(self):
        raise OperationalError("INSERT ...", {"address": "ana@example.com"}, Exception("database is locked"))

    monkeypatch.setattr(database, "write", locked)
    answer = visitor.sign_up()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "ana@example.com" not in answer.text
    monkeypatch.setattr(database, "write", real)
    assert visitor.sign_up().status_code == 303


def test_a_bug_of_ours_is_a_page_of_the_family_with_all_headers(visitor, monkeypatch):
    def broken(self):
        raise RuntimeError("secret ana@example.com")

    monkeypatch.setattr(type(visitor.application.database), "write", broken)
    answer = visitor.sign_up()
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/%2e%2e/base.html", "/static/base.html", "/static/", "/.env",
        "/docs", "/redoc", "/openapi.json", "/%2F%2Fevil.example.com", "/sign-up/", "/plan/", "/confirm/",
    ],
)  # fmt: skip
def test_nothing_else_is_served(visitor, path):
    answer = visitor.get(path)
    assert answer.status_code in (404, 405)
    assert "location" not in answer.headers


def test_assets_are_kept_by_browsers(visitor):
    assert (
        visitor.get("/static/site.css?v=1").headers["cache-control"] == "public, max-age=31536000, immutable"
    )
    assert visitor.get("/static/site.css").headers["cache-control"] == "public, max-age=3600"
    assert visitor.get("/static/brand.css?v=1").headers["content-type"].startswith("text/css")
    assert visitor.http.head("/static/icon.svg").headers["content-type"] == "image/svg+xml"
