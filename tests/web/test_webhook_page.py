"""SendGrid posts what became of our emails; whoever else posts gets one answer and changes nothing."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sendgrid_events import SIGNATURE, TIMESTAMP, Signer, body_of, build, renamed, story
from sendgrid_fake import Accept
from sqlalchemy import select, text

from delivery.records import DeliveryRecord, counts
from runup.settings import Settings, SettingsError
from runup.web import tally, webhooks
from runup.web.webhooks import SendGridHook
from subscribers import address_hmac

PATH = "/webhooks/sendgrid"
SIGNER = Signer()
MEGABYTE = 1024 * 1024
PER_ANSWER = ("date", "x-request-id")


class Feed:
    """SendGrid's side of a running site: signs with the site's key, on its clock."""

    def __init__(self, application: Any, url: str) -> None:
        self.application = application
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self.address = (httpx.URL(url).host, httpx.URL(url).port)

    @property
    def now(self) -> float:
        return self.application.clock().timestamp()

    def email(self, number: int = 0, to: str = "ana@example.com") -> Accept:
        return Accept(f"{number:032x}", "1", to, "Tomorrow at 10:00", self.now, f"message{number}")

    def delivered(self, count: int = 1) -> list[dict[str, Any]]:
        return [build("delivered", self.email(number), at=self.now) for number in range(count)]

    def headers(self, body: bytes, *, signer: Signer = SIGNER) -> dict[str, str]:
        return signer.headers(body, at=self.now)

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.http.post(PATH, content=body, headers=self.headers(body) if headers is None else headers)

    def tell(self, events: list[Any]) -> httpx.Response:
        return self.post(body_of(events))

    def records(self) -> list[DeliveryRecord]:
        with self.application.database.read() as session:
            return list(
                session.scalars(
                    select(DeliveryRecord).order_by(DeliveryRecord.occurred_at, DeliveryRecord.id)
                )
            )

    def counts(self) -> dict[str, int]:
        with self.application.database.read() as session:
            return {found.what: found.total for found in counts(session) if found.source == "sendgrid"}

    def wait_for_counts(self, **expected: int) -> None:
        """Counts are written behind the answer's back, by a thread of the site."""
        deadline = time.monotonic() + 20
        while self.counts() != expected:
            assert time.monotonic() < deadline, self.counts()

    def raw(self, request: bytes, *, then_close: bool = False) -> bytes:
        """What a request written by hand is answered, until the site closes or has said a whole head."""
        with socket.create_connection(self.address, timeout=20) as connection:
            connection.sendall(request)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            while b"\r\n\r\n" not in answer and (part := connection.recv(65536)):
                answer += part
            return answer


@pytest.fixture
def feed(open_application, serve) -> Iterator[Feed]:
    application = open_application(sendgrid_webhook_keys=(SIGNER.shown,))
    found = Feed(application, serve(application))
    yield found
    found.http.close()


def head(**headers: str) -> bytes:
    lines = [
        f"POST {PATH} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_what_sendgrid_tells_is_on_the_disk_before_it_is_acknowledged(feed):
    answer = feed.tell(story(feed.email(), "processed", "bounce", at=feed.now))
    assert (answer.status_code, answer.content) == (200, b"")
    processed, bounced = feed.records()
    assert (processed.type, bounced.type, bounced.is_permanent) == ("processed", "bounced", True)
    assert (bounced.reference, bounced.attempt, bounced.source) == (feed.email().mid, 1, "sendgrid")
    assert bounced.detail == "550 5.1.1 <<address>>: user unknown"
    assert bounced.heard_at == feed.application.clock()
    assert bounced.applied_at is None
    assert feed.counts() == {"event": 2}


def test_the_address_is_kept_only_as_the_hash_that_finds_a_person(feed):
    assert feed.tell([build("bounce", feed.email(to="Ana@Example.com"), at=feed.now)]).status_code == 200
    (record,) = feed.records()
    assert record.address_hmac == address_hmac("ana@example.com", feed.application.hmac_key)
    assert "ana@" not in repr(vars(record)).lower()


def test_hearing_it_again_in_another_order_changes_nothing(feed):
    events = story(feed.email(), "processed", "deferred", "delivered", at=feed.now)
    body = body_of(events)
    headers = feed.headers(body)
    assert feed.post(body, headers).status_code == 200
    first = [(r.event_id, r.type, r.heard_at) for r in feed.records()]
    feed.application.clock.forward(hours=23)
    for _ in range(45):
        assert feed.post(body, headers).status_code == 200
    assert feed.tell(events[::-1] * 46).status_code == 200
    assert [(r.event_id, r.type, r.heard_at) for r in feed.records()] == first
    assert feed.counts() == {"event": 3}


def test_under_another_id_it_is_another_record_of_the_same(feed):
    events = feed.delivered()
    assert feed.tell(events + renamed(events)).status_code == 200
    assert {(r.reference, r.type) for r in feed.records()} == {(feed.email().mid, "delivered")}


def test_one_malformed_event_of_a_thousand_costs_none_of_the_others(feed):
    events: list[Any] = feed.delivered(1000)
    events[500] = {**events[500], "timestamp": "yesterday"}
    assert feed.tell(events).status_code == 200
    assert len(feed.records()) == 999
    assert feed.counts() == {"event": 999, "malformed": 1}
    with feed.application.database.read() as session:
        (why,) = [found.detail for found in counts(session) if found.what == "malformed"]
    assert why == "timestamp is no whole number"


def test_events_of_other_programs_on_the_account_are_counted(feed):
    others = [{key: value for key, value in event.items() if key != "mid"} for event in feed.delivered(3)]
    assert feed.tell(others).status_code == 200
    assert feed.records() == []
    assert feed.counts() == {"foreign": 3}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"[",
        b"[null]",
        b"[" * 100_000,
        b"[" + b"1" * MEGABYTE + b"]",
        b'[{"mid":"\\ud800"}]',
        b"[\xff]",
    ],
)
def test_signed_nonsense_is_acknowledged_and_stores_nothing(feed, body):
    assert feed.post(body).status_code == 200
    assert feed.records() == []


def test_two_keys_hold_while_one_takes_the_place_of_the_other(open_application, serve):
    new = Signer()
    application = open_application(sendgrid_webhook_keys=f"{SIGNER.shown}, {new.shown}")
    feed = Feed(application, serve(application))
    body = body_of(feed.delivered())
    for signer, status in ((SIGNER, 200), (new, 200), (Signer(), 403)):
        assert feed.post(body, feed.headers(body, signer=signer)).status_code == status
    feed.http.close()


def refusals(feed: Feed) -> dict[str, tuple[bytes, dict[str, str]]]:
    body = body_of(feed.delivered())
    right = feed.headers(body)
    old = SIGNER.headers(body, at=feed.now - 3 * 86400)
    zipped = gzip.compress(body)
    return {
        "no headers": (body, {}),
        "no signature": (body, {TIMESTAMP: right[TIMESTAMP]}),
        "no timestamp": (body, {SIGNATURE: right[SIGNATURE]}),
        "empty": (body, {SIGNATURE: "", TIMESTAMP: ""}),
        "bad base64": (body, right | {SIGNATURE: "%%%"}),
        "wrong key": (body, feed.headers(body, signer=Signer())),
        "not ten digits": (body, right | {TIMESTAMP: "0" + right[TIMESTAMP]}),
        "negative": (body, right | {TIMESTAMP: "-" + right[TIMESTAMP][1:]}),
        "a float": (body, right | {TIMESTAMP: right[TIMESTAMP][:8] + ".5"}),
        "another moment": (body, right | {TIMESTAMP: str(int(feed.now) + 1)}),
        "old": (body, old),
        "changed": (body.replace(b"delivered", b"bounce"), right),
        "line end lost": (body.rstrip(), right),
        "shifted": (body[1:], right | {TIMESTAMP: right[TIMESTAMP] + "["}),
        "empty body": (b"", right),
        "signed object": (b"{}", feed.headers(b"{}")),
        "signed null": (b"null", feed.headers(b"null")),
        "signed gzip": (zipped, feed.headers(zipped) | {"Content-Encoding": "gzip"}),
        "gzip bomb": (gzip.compress(b"[" + b" " * 200 * MEGABYTE), right | {"Content-Encoding": "gzip"}),
        "cookies": (body, {"Cookie": "runup-form=x", "Origin": "https://sendgrid.com"}),
    }


def test_whatever_is_wrong_the_answer_is_the_same_and_nothing_changes(feed):
    answers = {}
    for name, (body, headers) in refusals(feed).items():
        answer = feed.post(body, headers)
        kept = {key: value for key, value in answer.headers.items() if key not in PER_ANSWER}
        answers[name] = (answer.status_code, answer.content, kept)
    assert {repr(answer) for answer in answers.values()} == {repr(answers["no headers"])}, answers
    assert answers["no headers"][:2] == (403, b"forbidden\n")
    assert feed.records() == []


def test_a_header_that_comes_twice_is_no_header(feed):
    body = body_of(feed.delivered())
    right = feed.headers(body)
    twice = [*right.items(), (SIGNATURE, right[SIGNATURE])]
    assert feed.http.post(PATH, content=body, headers=twice).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_only_post_does_anything(feed, method):
    body = body_of(feed.delivered())
    answer = feed.http.request(method, PATH, content=body, headers=feed.headers(body))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert feed.records() == []


def test_without_a_key_there_is_no_such_page(visitor):
    body = body_of([])
    answer = visitor.http.post(PATH, content=body, headers=SIGNER.headers(body, at=0))
    nowhere = visitor.http.post("/webhooks/nowhere", content=body)
    assert (answer.status_code, answer.text) == (nowhere.status_code, nowhere.text)
    assert answer.status_code == 404


def test_programs_are_not_told_of_it(feed):
    assert "webhook" not in json.dumps(feed.http.get("/api/openapi.json").json())


def test_a_thousand_long_events_fit_and_twenty_megabytes_do_not(feed):
    long = [event | {"category": ["x" * 900]} for event in feed.delivered(1000)]
    assert len(body_of(long)) > MEGABYTE
    assert feed.tell(long).status_code == 200
    before = len(feed.records())
    huge = body_of(feed.delivered()) + b" " * 20 * MEGABYTE
    said = feed.headers(huge) | {"Content-Length": str(len(huge))}
    assert feed.raw(head(**said)).startswith(b"HTTP/1.1 413")
    assert len(feed.records()) == before


def test_a_body_that_does_not_say_its_length_is_cut_off_where_it_grows_too_long(feed):
    chunk = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    chunked = head(**feed.headers(b"["), **{"Transfer-Encoding": "chunked"})
    assert feed.raw(chunked + chunk * 33).startswith(b"HTTP/1.1 413")
    assert feed.tell(feed.delivered()).status_code == 200


def test_a_refusal_does_not_wait_for_the_body(feed):
    assert feed.raw(head(**{"Content-Length": "1000000"})).startswith(b"HTTP/1.1 403")


def test_a_content_length_that_lies_stores_nothing_and_the_next_post_is_heard(feed):
    body = body_of(feed.delivered())
    right = feed.headers(body)
    feed.raw(head(**right, **{"Content-Length": str(len(body) + 9)}) + body, then_close=True)
    assert feed.records() == []
    short = feed.raw(head(**right, **{"Content-Length": str(len(body) - 9)}) + body)
    assert short.startswith(b"HTTP/1.1 403")
    for nonsense in ("-1", "1e3", "٣", "99999999999999999999"):
        answer = feed.raw(
            head(**right).replace(b"\r\n\r\n", f"\r\nContent-Length: {nonsense}\r\n\r\n".encode()) + body
        )
        assert answer.split(b" ")[1] in (b"400", b"413")
    assert feed.records() == []
    assert feed.post(body, right).status_code == 200
    assert len(feed.records()) == 1


def test_a_body_that_never_ends_is_not_waited_for(feed, monkeypatch):
    monkeypatch.setattr(webhooks, "BODY_WITHIN", 0.05)
    answer = feed.raw(head(**feed.headers(b"[]"), **{"Content-Length": "9"}) + b"[]")
    assert answer.startswith(b"HTTP/1.1 408")
    assert feed.tell(feed.delivered()).status_code == 200


def test_when_the_database_fails_sendgrid_is_asked_to_come_again(feed):
    events = feed.delivered(3)
    with feed.application.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE delivery_record RENAME TO elsewhere"))
    answer = feed.tell(events)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "delivery_record" not in answer.text
    with feed.application.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO delivery_record"))
    assert feed.records() == []
    assert feed.tell(events).status_code == 200
    assert len(feed.records()) == 3


def test_refusals_are_counted_by_kind(feed, monkeypatch):
    monkeypatch.setattr(tally, "EVERY", 0.01)
    for body, headers in refusals(feed).values():
        assert feed.post(body, headers).status_code == 403
    feed.wait_for_counts(unsigned=5, bad_timestamp=4, stale=1, bad_signature=5, no_list=5)


def test_counts_that_could_not_be_written_are_not_lost(feed, monkeypatch):
    monkeypatch.setattr(tally, "EVERY", 0.01)
    with feed.application.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE feed_count RENAME TO elsewhere"))
    for _ in range(20):
        assert feed.post(b"[]", {}).status_code == 403
    with feed.application.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO feed_count"))
    feed.wait_for_counts(unsigned=20)


def test_a_flood_costs_no_write_each_and_less_than_five_milliseconds(feed, monkeypatch):
    """The processor's time of the thread that serves, which no other program on the machine lengthens."""
    began = time.monotonic()
    body = body_of(feed.delivered(100))
    forged = feed.headers(body, signer=Signer())
    writes = []
    monkeypatch.setattr(SendGridHook, "_count_refusals", lambda _hook, refusals: writes.append(refusals))
    (serving,) = [thread for thread in threading.enumerate() if thread.name.endswith("(run)")]
    clock = time.pthread_getcpuclockid(serving.ident)
    for headers in (forged, {}):
        before = time.clock_gettime(clock)
        for _ in range(300):
            assert feed.post(body, headers).status_code == 403
        assert (time.clock_gettime(clock) - before) / 300 < 0.005
    assert feed.tell(feed.delivered()).status_code == 200
    # The first at once, then one in ten seconds.
    assert len(writes) <= 1 + (time.monotonic() - began) / 10


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nonsense", r"RUNUP_SENDGRID_WEBHOOK_KEYS \(environment\): key 1 of .* is no public key"),
        (f"{SIGNER.shown},MFww", "key 2 of RUNUP_SENDGRID_WEBHOOK_KEYS is no public key"),
    ],
)
def test_a_key_that_is_none_stops_the_start(tmp_path, monkeypatch, given, words):
    monkeypatch.setenv("RUNUP_SENDGRID_WEBHOOK_KEYS", given)
    with pytest.raises(SettingsError, match=words):
        Settings.load(tmp_path)


def test_the_key_may_stand_in_the_settings_file(tmp_path):
    (tmp_path / "runup.toml").write_text(f'sendgrid_webhook_keys = ["{SIGNER.shown}"]\n')
    assert Settings.load(tmp_path).sendgrid_webhook_keys == (SIGNER.shown,)
