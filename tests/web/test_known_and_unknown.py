"""Nobody learns from a sign-up whether an address is known: not from the answer, nor from when it comes."""

from __future__ import annotations

import os
import time
from statistics import median

import pytest

from runup.web import even_answers
from scheduler import reconcile
from subscribers import SignUp, confirm, sign_up

PAIRS = int(os.environ.get("RUNUP_TIMED_PAIRS", "60"))
"""The long form: 1000."""
PER_ANSWER = ("date", "x-request-id")
"""Headers that differ between any two answers."""
ANA = {"first_name": "Ana", "interview_date": "2026-12-04", "interview_time": "14:00",
       "home_zone": "Europe/Berlin", "consent": "yes"}  # fmt: skip

pytestmark = pytest.mark.timeout(120 + PAIRS)


@pytest.fixture
def application(open_application):
    application = open_application(trusted_proxies=("127.0.0.1",))
    with application.database.write() as session:
        for number in range(PAIRS):
            known(application, session, number)
    return application


def known(application, session, number: int) -> None:
    """Somebody confirmed, with a plan, as the addresses are that are worth asking for."""
    form = SignUp.parse(ANA | {"email": f"known{number}@example.com"}, now=application.clock())
    more = {"hmac_key": application.hmac_key, "now": application.clock(), "source": "form"}
    interview = sign_up(session, form, campaign="second_interview", **more)
    confirm(session, interview, now=application.clock())
    reconcile(session, interview.subscriber_id, catalog=application.catalog, now=application.clock())


def ask(visitor, kind: str, number: int) -> tuple[object, float]:
    """The answer, and the seconds it took."""
    fields = ANA | {"email": f"{kind}{number}@example.com", "consent": True}
    network = f"2001:db8:{int(kind == 'known')}:{number:x}::1"
    began = time.perf_counter()
    answer = visitor.http.post("/api/sign-ups", json=fields, headers={"X-Forwarded-For": network})
    took = time.perf_counter() - began
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in PER_ANSWER)
    return (answer.status_code, answer.content, tuple(headers)), took


def test_pairs_of_a_known_and_an_unknown_address_cannot_be_told_apart(visitor, monkeypatch):
    # Longer than ours, so that a machine with much to do keeps the beat as well as an idle one does ours.
    monkeypatch.setattr(even_answers, "BEAT", 0.25)
    answers, took = set(), {"known": [], "unknown": []}
    for number in range(PAIRS):
        for kind in ("known", "unknown") if number % 2 else ("unknown", "known"):
            answer, seconds = ask(visitor, kind, number)
            answers.add(answer)
            took[kind].append(seconds)
    assert len(answers) == 1
    apart = median(took["known"]) - median(took["unknown"])
    assert abs(apart) < 0.01, f"known ones come {apart * 1000:.1f} ms later"
    early = [seconds for seconds in took["known"] + took["unknown"] if seconds < 0.24]
    assert early == []


def test_a_body_that_comes_slowly_does_not_move_the_beat(visitor, monkeypatch):
    monkeypatch.setattr(even_answers, "BEAT", 0.3)
    last = []

    def body():
        yield b'{"email": "known1@example.com", "interview_date": "2026-12-04", "home_zone": "UTC", '
        time.sleep(0.2)  # nothing else makes a body slow
        last.append(time.perf_counter())
        yield b'"consent": true}'

    visitor.http.get("/check-your-inbox")
    answer = visitor.http.post("/api/sign-ups", content=body(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 202
    assert time.perf_counter() - last[0] > 0.28


def test_a_refusal_waits_for_no_beat(visitor, monkeypatch):
    monkeypatch.setattr(even_answers, "BEAT", 30.0)
    began = time.perf_counter()
    assert visitor.http.post("/api/sign-ups", json={"email": "ana@"}).status_code == 422
    assert visitor.http.get("/").status_code == 200
    assert time.perf_counter() - began < 20
