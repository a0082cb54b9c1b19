"""/ops and its login, against a running server: what an operator sees, and what nobody else gets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.resources import files
from typing import Any

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select
from structlog.testing import capture_logs

from runup.application import Application
from runup.operators import Access, FailedLogin, Operator, OperatorSession, accounts, secrets
from runup.operators.sessions import IDLE_FOR, LASTS
from runup.operators.throttle import WITHIN

PASSWORD = "correct horse battery staple"
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


class Ada:
    """An operator with a browser, an app, and codes on paper."""

    def __init__(self, application: Application, base_url: str) -> None:
        self.application, self.access = application, Access()
        self.http = httpx.Client(base_url=base_url, trust_env=False, timeout=60)
        with application.database.write() as session:
            accounts.add(
                session,
                "ada",
                secrets.hash_password(PASSWORD),
                self.access,
                keys=application.links.keys,
                now=application.clock(),
            )

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.access.totp_key).at(self.application.clock())

    def form_token(self, page: str = "") -> str:
        """Of the page with a form that she can see, logged in or not."""
        page = page or self.http.get("/ops").headers.get("location", "/ops")
        return self.http.get(page).text.partition('name="form_token" value="')[2].partition('"')[0]

    def log_in(self, **fields: str) -> httpx.Response:
        values = {"name": "ada", "password": PASSWORD, "code": self.code} | fields
        return self.http.post("/ops/login", data={"form_token": self.form_token()} | values)

    def next_code(self) -> None:
        self.application.clock.forward(seconds=30)

    def sees_the_page(self) -> bool:
        return "Emails left" in self.http.get("/ops").text

    @property
    def cookie(self) -> str:
        return self.http.cookies.get("runup-ops", "")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 with less of it: a real hash takes a tenth of a second of everybody's core."""
    monkeypatch.setattr(secrets, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    secrets._nobody.cache_clear()


@pytest.fixture
def ada(application: Application, base_url: str) -> Iterator[Ada]:
    ada = Ada(application, base_url)
    yield ada
    ada.http.close()


@pytest.fixture
def inside(ada: Ada) -> Ada:
    assert ada.log_in().status_code == 303
    ada.next_code()
    return ada


def rows(application: Application, table: type) -> int:
    with application.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


# -- the page ---------------------------------------------------------------------------------------------


def test_without_an_operator_there_is_no_such_page(base_url: str) -> None:
    with httpx.Client(base_url=base_url, trust_env=False, timeout=60) as http:
        for method, path in (
            ("GET", "/ops"),
            ("POST", "/ops"),
            ("GET", "/ops/login"),
            ("POST", "/ops/login"),
            ("POST", "/ops/logout"),
        ):
            answer = http.request(method, path)
            assert (answer.status_code, "Log in" in answer.text) == (404, False), (method, path)


def test_who_logs_in_sees_how_things_stand_and_nobodys_address(inside: Ada, visitor: Any) -> None:
    visitor.confirmed(email="kiri.from.kiritimati@example.com", first_name="Kiritea")
    page = inside.http.get("/ops")
    assert page.status_code == 200
    assert "Subscribers" in page.text
    assert "kiri" not in page.text.lower()
    assert "No worker is at work" in page.text


def test_only_logging_in_and_out_can_be_posted_and_looking_changes_nothing(inside: Ada, visitor: Any) -> None:
    visitor.confirmed()
    before = visitor.dump()
    for path in (
        "/ops",
        "/ops?campaign=second_interview&since=2026-11-01",
        "/ops?since=tomorrow",
        "/ops/login",
    ):
        for method in ("GET", "HEAD"):
            assert inside.http.request(method, path).status_code in (200, 303, 422)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert inside.http.request(method, "/ops").status_code == 405
    assert inside.http.get("/ops/logout").status_code == 405
    assert inside.http.put("/ops/login").status_code == 405
    assert visitor.dump() == before


def test_the_question_in_the_address_is_answered_and_nothing_of_it_is_believed(inside: Ada) -> None:
    page = inside.http.get("/ops", params={"campaign": '"><script>alert(1)</script>', "since": "2026-11-01"})
    assert page.status_code == 200
    assert "<script" not in page.text
    wrong = inside.http.get("/ops", params={"since": "2026-12-02", "until": "2026-12-01"})
    assert (wrong.status_code, "make no period" in wrong.text) == (422, True)


def test_nothing_of_it_rests_in_a_cache_or_tells_where_it_came_from(inside: Ada) -> None:
    for path in ("/ops", "/ops/login"):
        headers = inside.http.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"


# -- who gets in ------------------------------------------------------------------------------------------


def test_every_wrong_proof_gets_the_same_answer(ada: Ada) -> None:
    answers = [
        ada.log_in(name="bob"),
        ada.log_in(password="wrong horse battery staple"),
        ada.log_in(code="000000" if ada.code != "000000" else "000001"),
        ada.log_in(code=""),
    ]
    words = {
        answer.text.replace(answer.text.partition('form_token" value="')[2].partition('"')[0], "")
        for answer in answers
    }
    assert {answer.status_code for answer in answers} == {401}
    assert len(words) == 1
    assert not ada.sees_the_page()


def test_a_code_is_good_once(ada: Ada) -> None:
    code = ada.code
    assert ada.log_in(code=code).status_code == 303
    assert ada.log_in(code=code).status_code == 401
    ada.next_code()
    assert ada.log_in(code=code).status_code == 401
    assert ada.log_in().status_code == 303


def test_of_two_that_bring_one_code_at_once_one_is_too_late(ada: Ada, base_url: str) -> None:
    answers: list[int] = []
    fields = {"name": "ada", "password": PASSWORD, "code": ada.code, "form_token": ada.form_token()}
    cookies = dict(ada.http.cookies)

    def bring() -> None:
        with httpx.Client(base_url=base_url, trust_env=False, cookies=cookies, timeout=60) as http:
            answers.append(http.post("/ops/login", data=fields).status_code)

    threads = [threading.Thread(target=bring) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 401]


def test_a_code_of_a_minute_ago_is_no_good_and_one_of_half_a_minute_is(ada: Ada) -> None:
    code = ada.code
    ada.application.clock.forward(seconds=90)
    assert ada.log_in(code=code).status_code == 401
    code = ada.code
    ada.application.clock.forward(seconds=30)
    assert ada.log_in(code=code).status_code == 303


def test_a_recovery_code_takes_the_place_of_the_app_once(ada: Ada) -> None:
    code = ada.access.recovery_codes[0].upper().replace("-", " ")
    assert ada.log_in(code=code).status_code == 303
    assert ada.log_in(code=code).status_code == 401
    assert ada.log_in(code=ada.access.recovery_codes[1]).status_code == 303


def test_guessing_ends_after_five_tries_and_begins_again_after_a_while(ada: Ada) -> None:
    assert [ada.log_in(code="123456", password="guess").status_code for _ in range(6)] == [401] * 5 + [429]
    answer = ada.log_in()
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)
    ada.application.clock.forward(seconds=WITHIN.total_seconds())
    assert ada.log_in().status_code == 303


def test_a_network_that_tries_many_names_is_stopped_and_its_rows_go(ada: Ada) -> None:
    codes = [ada.log_in(name=f"name{number}").status_code for number in range(21)]
    assert codes == [401] * 20 + [429]
    ada.application.clock.forward(seconds=WITHIN.total_seconds())
    assert ada.log_in().status_code == 303
    assert rows(ada.application, FailedLogin) == 0


def test_many_tries_at_once_are_no_more_than_one_after_the_other(ada: Ada, base_url: str) -> None:
    fields = {"name": "ada", "password": "guess", "code": "123456", "form_token": ada.form_token()}
    cookies, answers = dict(ada.http.cookies), []

    def guess() -> None:
        with httpx.Client(base_url=base_url, trust_env=False, cookies=cookies, timeout=60) as http:
            answers.append(http.post("/ops/login", data=fields).status_code)

    threads = [threading.Thread(target=guess) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [401] * 5 + [429] * 4


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {"Origin": "https://evil.example"}}, 403),
        ({"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ({"data": {"form_token": "forged"}}, 403),
        ({"json": {"name": "ada"}}, 415),
    ],
)
def test_a_form_of_another_site_logs_nobody_in(ada: Ada, change: dict[str, Any], status: int) -> None:
    fields = {"form_token": ada.form_token(), "name": "ada", "password": PASSWORD, "code": ada.code}
    more = dict(change)
    if "json" not in more:
        more["data"] = fields | more.pop("data", {})
    assert ada.http.post("/ops/login", **more).status_code == status
    assert rows(ada.application, OperatorSession) == 0


# -- sessions ---------------------------------------------------------------------------------------------


def test_the_cookie_is_new_at_each_login_and_the_one_before_opens_nothing(ada: Ada) -> None:
    ada.http.cookies.set("runup-ops", "planted-by-somebody-else")
    assert ada.log_in().status_code == 303
    first = ada.http.cookies.get("runup-ops", domain="127.0.0.1")
    assert first
    ada.http.cookies.delete("runup-ops", domain="")
    assert len(first) > 40
    ada.next_code()
    assert ada.log_in().status_code == 303
    assert ada.cookie != first
    assert _with_cookie(ada, first) == 303
    assert _with_cookie(ada, "planted-by-somebody-else") == 303
    assert rows(ada.application, OperatorSession) == 1


def test_a_cookie_stolen_before_the_logout_opens_nothing_after_it(inside: Ada) -> None:
    stolen = inside.cookie
    answer = inside.http.post("/ops/logout", data={"form_token": inside.form_token("/ops")})
    assert answer.status_code == 303
    assert _with_cookie(inside, stolen) == 303
    assert inside.http.get("/ops").headers["location"] == "/ops/login"


def test_nobody_is_logged_out_by_another_site(inside: Ada) -> None:
    assert inside.http.post("/ops/logout", data={"form_token": "x"}).status_code == 403
    assert inside.sees_the_page()


@pytest.mark.parametrize("forged", ["", "a" * 43, "'; DROP TABLE operator; --", "é", "x" * 5_000])
def test_a_forged_cookie_opens_nothing(ada: Ada, forged: str) -> None:
    assert _with_cookie(ada, forged) == 303


def test_every_changed_letter_of_a_cookie_makes_it_worthless(inside: Ada) -> None:
    for place in range(0, len(inside.cookie), 7):
        other = "A" if inside.cookie[place] != "A" else "B"
        assert _with_cookie(inside, inside.cookie[:place] + other + inside.cookie[place + 1 :]) == 303


def test_a_session_that_nobody_uses_ends_and_one_in_use_goes_on_for_half_a_day(inside: Ada) -> None:
    clock = inside.application.clock
    for _ in range(3):
        clock.forward(seconds=(IDLE_FOR - timedelta(minutes=2)).total_seconds())
        assert inside.sees_the_page()
    clock.forward(seconds=IDLE_FOR.total_seconds())
    assert not inside.sees_the_page()


def test_no_session_lasts_longer_than_half_a_day(inside: Ada) -> None:
    clock = inside.application.clock
    ends = clock() + LASTS
    while clock() < ends - timedelta(minutes=25):
        clock.forward(minutes=25)
        assert inside.sees_the_page()
    clock.forward(minutes=26)
    assert not inside.sees_the_page()


def test_who_is_removed_is_out_at_once_and_with_the_last_one_the_page_goes(inside: Ada) -> None:
    with inside.application.database.write() as session:
        accounts.add(
            session,
            "bob",
            secrets.hash_password(PASSWORD),
            Access(),
            keys=inside.application.links.keys,
            now=inside.application.clock(),
        )
        accounts.remove(session, "ada")
    assert inside.http.get("/ops").status_code == 303
    with inside.application.database.write() as session:
        accounts.remove(session, "bob")
    assert inside.http.get("/ops").status_code == 404


def test_the_cookie_is_for_this_site_alone(ada: Ada) -> None:
    header = ada.log_in().headers["set-cookie"]
    parts = {part.strip().lower() for part in header.split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= parts


def test_behind_tls_the_cookie_never_travels_in_the_clear(
    open_application: Callable[..., Application], serve: Callable[[Application], str]
) -> None:
    application = open_application(base_url="https://runup.example.com")
    ada = Ada(application, serve(application))
    page = ada.http.get("/ops/login")
    nonce = page.headers["set-cookie"].partition("=")[2].partition(";")[0]
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    answer = ada.http.post(
        "/ops/login",
        data={"form_token": token, "name": "ada", "password": PASSWORD, "code": ada.code},
        headers={"Cookie": f"__Host-runup-form={nonce}"},
    )
    cookies = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    assert any(value.startswith("__Host-runup-ops=") and "Secure" in value for value in cookies)
    ada.http.close()


def _with_cookie(ada: Ada, value: str) -> int:
    """What somebody with this cookie, and nothing else, gets."""
    with httpx.Client(base_url=ada.http.base_url, trust_env=False, timeout=60) as http:
        return http.get("/ops", headers={"Cookie": b"runup-ops=" + value.encode()}).status_code


# -- what is written down ---------------------------------------------------------------------------------


def test_each_login_leaves_a_line_that_tells_no_secret(ada: Ada) -> None:
    with capture_logs() as lines:
        ada.log_in(password="my secret, typed wrong")
        ada.log_in(name="my-password-in-the-wrong-field")
        ada.log_in()
    told = [(line["event"], line.get("operator")) for line in lines if line["event"].startswith("operator_")]
    assert told == [
        ("operator_login_failed", "ada"),
        ("operator_login_failed", "(nobody of that name)"),
        ("operator_logged_in", "ada"),
    ]
    assert "my-password" not in str(lines)
    assert "typed wrong" not in str(lines)


def test_the_database_alone_opens_nothing(inside: Ada, visitor: Any) -> None:
    everything = str(visitor.dump())
    for secret in (PASSWORD, inside.access.totp_key, inside.cookie, *inside.access.recovery_codes):
        assert secret not in everything
        assert secret.replace("-", "") not in everything
    assert repr(inside.access) == "Access()"
    with inside.application.database.read() as session:
        assert PASSWORD not in repr(session.scalars(select(Operator)).one())


def test_a_key_that_signs_no_more_leaves_the_recovery_codes(
    open_application: Callable[..., Application], serve: Callable[[Application], str]
) -> None:
    application = open_application()
    ada = Ada(application, serve(application))
    with application.database.write() as session:
        session.scalars(select(Operator)).one().totp_key = "sealed with a key nobody has any more"
    assert ada.log_in().status_code == 401
    assert ada.log_in(code=ada.access.recovery_codes[0]).status_code == 303
    ada.http.close()


# -- in a browser -----------------------------------------------------------------------------------------


@pytest.mark.browser
def test_ada_logs_in_on_her_phone(open_page: Any, ada: Ada) -> None:
    tab = open_page(size="phone")
    tab.goto("/ops")
    tab.get_by_label("Name").fill("ada")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_label("Code of your app").fill(ada.code)
    tab.get_by_role("button", name="Log in").click()
    tab.get_by_role("heading", name="Now").wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    tab.get_by_label("From").fill("2026-11-01")
    tab.get_by_role("button", name="Show").click()
    tab.wait_for_url("**since=2026-11-01**")
    tab.get_by_role("heading", name="Now").wait_for()
    tab.get_by_role("button", name="Log out").click()
    tab.get_by_role("heading", name="Log in").wait_for()
    tab.goto("/ops")
    tab.get_by_role("heading", name="Log in").wait_for()
