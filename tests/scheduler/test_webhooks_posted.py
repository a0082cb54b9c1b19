"""What happens is told: in the fact's own transaction, signed, in order, at least once, to whom it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session
from structlog.testing import capture_logs
from town import KEY, Town
from webhook_receiver import Receiver

from delivery.events import DeliveryEvent, EventType
from delivery.public_places import Places
from delivery.records import store
from delivery.standard_webhooks import make_secret
from scheduler import Clock
from scheduler.braking import put_on, release_brake
from scheduler.outbox import WAITS, forget_old_posts, try_again
from scheduler.posting import Poster
from scheduler.webhook import EventName, Webhook, WebhookPost
from scheduler.webhook_triggers import PREFIX, agree
from subscribers import Interview, Subscriber, address_hmac, tell_outcome, unsubscribe
from subscribers.own_data import forget_person

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Both databases have proved that they write and hand out messages alike; what follows is Python's."""
KEYS = ("a key that signs links 0123456789 abcdef", "the key before it 0123456789 abcdefghijk")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def listen(town: Town, receiver: Receiver) -> Callable[..., Webhook]:
    """Somebody wants to be told of these."""

    def add(*events: EventName, **more) -> Webhook:
        names = events or tuple(EventName)
        webhook = Webhook(url=receiver.url, events=f",{','.join(names)},", salt="salt", created_at=town.now,
                          state="on", **more)  # fmt: skip
        with town.write() as session:
            session.add(webhook)
            session.flush()
            agree(session)
        return webhook

    return add


@pytest.fixture
def poster(town: Town) -> Poster:
    places = Places(("127.0.0.0/8",))
    return Poster(database=town.database, clock=lambda: town.now, keys=KEYS, places=places)


def posts(town: Town, **having) -> list[WebhookPost]:
    with town.database.read() as session:
        return list(session.scalars(select(WebhookPost).filter_by(**having).order_by(WebhookPost.id)))


def hook(town: Town) -> Webhook:
    with town.database.read() as session:
        return session.scalars(select(Webhook)).one()


def hear(town: Town, kind: EventType, *, address: str = "ana@example.com", number: int = 0) -> None:
    """The provider tells something of Ana's welcome, and a worker applies it."""
    send = town.send("welcome")
    told = DeliveryEvent(
        id=f"{kind}-{number}", type=kind, occurred_at=town.now, reference=send.reference, address=address,
        is_permanent=kind is EventType.BOUNCED, attempt=send.attempts,
    )  # fmt: skip
    with town.write() as session:
        store(session, [told], source="sendgrid", hash_address=lambda a: address_hmac(a, KEY), now=town.now)
    town.tick()


def test_everything_that_happens_to_ana_is_told_once_and_in_order(
    town: Town, receiver: Receiver, listen, poster: Poster
) -> None:
    listen()
    ana = town.ana()
    town.tick()
    hear(town, EventType.DELIVERED)
    hear(town, EventType.DELIVERED, number=1)
    hear(town, EventType.COMPLAINED)
    hear(town, EventType.COMPLAINED, number=1)
    with town.write() as session:
        found = session.get_one(Interview, ana.id)
        tell_outcome(session, found, "offer", now=town.now)
        tell_outcome(session, found, "offer", now=town.now)
    while poster.post():
        pass
    assert receiver.types == ["sign_up", "confirmed", "sent", "delivered", "complained", "outcome"]
    sign_up, confirmed, sent, _, _, outcome = (got.json["data"] for got in receiver.got)
    assert sign_up == {
        "subscriber": ana.subscriber_id, "interview": ana.id, "campaign": "second_interview",
    }  # fmt: skip
    assert confirmed == sign_up
    assert (sent["step"], sent["campaign"], sent["interview"]) == ("welcome", "second_interview", ana.id)
    assert outcome["outcome"] == "offer"
    assert len({got.id for got in receiver.got}) == 6
    assert receiver.got[2].json["timestamp"].startswith("2026-11-23T09:00:00")
    assert not any(b"ana" in got.body.lower() for got in receiver.got), "people are numbers"
    assert {post.state for post in posts(town)} == {"done"}


def test_a_bounce_an_unsubscribe_and_the_way_back(town: Town, receiver: Receiver, listen, poster) -> None:
    listen(EventName.BOUNCED, EventName.UNSUBSCRIBED)
    ana, kiri = town.ana(), town.person("kiri")
    town.tick()
    with town.write() as session:
        unsubscribe(session, session.get_one(Subscriber, kiri.subscriber_id), now=town.now)
        unsubscribe(session, session.get_one(Subscriber, kiri.subscriber_id), now=town.now)
    send = next(send for send in town.sends("welcome") if send.subscriber_id == ana.subscriber_id)
    told = DeliveryEvent(id="b", type=EventType.BOUNCED, occurred_at=town.now, reference=send.reference,
                         address="ana@example.com", is_permanent=True, attempt=1)  # fmt: skip
    with town.write() as session:
        store(session, [told], source="sendgrid", hash_address=lambda a: address_hmac(a, KEY), now=town.now)
    town.tick()
    poster.post()
    found = {got.json["type"]: got.json["data"] for got in receiver.got}
    assert found["unsubscribed"] == {"subscriber": kiri.subscriber_id, "scope": "everything"}
    assert (found["bounced"]["kind"], found["bounced"]["is_permanent"]) == ("bounced", True)
    assert len(receiver.got) == 2


@on_sqlite
def test_a_complaint_that_names_another_address_is_told_to_nobody(town: Town, listen) -> None:
    listen(EventName.COMPLAINED)
    town.ana()
    town.tick()
    hear(town, EventType.COMPLAINED, address="somebody@example.com")
    assert posts(town) == []


def test_what_did_not_happen_is_not_told(town: Town, listen) -> None:
    """The message is in the fact's own transaction: what is rolled back takes it along."""
    listen()
    with Session(town.database.engine) as session:
        town._sign_up(session, "ana", {})
        assert session.scalar(select(func.count()).select_from(WebhookPost)) == 1
        session.rollback()
    assert posts(town) == []


def test_without_a_receiver_nothing_is_in_the_way_of_sending(town: Town, listen) -> None:
    def triggers() -> int:
        names = {
            "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE :like",
            "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgname LIKE :like",
        }[town.database.engine.dialect.name]
        with town.database.read() as session:
            return session.scalar(text(names), {"like": f"{PREFIX}%"})

    assert triggers() == 0
    webhook = listen()
    assert triggers() == 6
    with town.write() as session:
        assert agree(session)
        session.delete(session.get_one(Webhook, webhook.id))
        session.flush()
        assert not agree(session)
    assert triggers() == 0
    statements: list[str] = []
    event.listen(town.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    town.ana()
    town.tick()
    assert [statement for statement in statements if "webhook" in statement] == []


@on_sqlite
def test_an_independent_hand_verifies_each_signature_also_while_keys_change(
    town: Town, receiver: Receiver, listen, poster: Poster
) -> None:
    listen(EventName.SIGN_UP)
    town.ana()
    poster.post()
    with town.write() as session:
        webhook = session.scalars(select(Webhook)).one()
        webhook.former_salt, webhook.salt, webhook.rotated_at = webhook.salt, "newer", town.now
    town.person("kiri")
    poster.post()
    town.later(hours=25)
    town.person("sam")
    poster.post()
    first, both, after = receiver.got
    old, new = make_secret(KEYS[0], "salt"), make_secret(KEYS[0], "newer")
    assert first.is_signed_with(old)
    assert first.is_signed_with(make_secret(KEYS[1], "salt")), "the key before it, too"
    assert (both.is_signed_with(old), both.is_signed_with(new)) == (True, True)
    assert (after.is_signed_with(old), after.is_signed_with(new)) == (False, True)
    both.body += b" "
    assert not both.is_signed_with(new)


@on_sqlite
def test_an_address_is_told_only_to_whom_it_was_granted_and_of_nobody_forgotten(
    town: Town, receiver: Receiver, listen, poster: Poster
) -> None:
    listen(EventName.SIGN_UP, has_address=True)
    town.ana()
    kiri = town.person("kiri")
    with town.write() as session:
        forget_person(session, session.get_one(Subscriber, kiri.subscriber_id), now=town.now)
    poster.post()
    # Two people's messages are posted side by side.
    assert {got.json["data"]["address"] for got in receiver.got} == {"ana@example.com", None}
    assert len(receiver.got) == 2


def test_while_ana_waits_for_her_turn_nobody_else_does(
    town: Town, receiver: Receiver, listen, poster
) -> None:
    listen(EventName.SIGN_UP, EventName.CONFIRMED)
    receiver.answers = [422]  # one message it cannot take
    town.ana()
    town.person("kiri")
    poster.post()
    assert [(got.json["type"], got.json["data"]["subscriber"]) for got in receiver.got] in (
        [("sign_up", 1), ("sign_up", 2), ("confirmed", 2)],
        [("sign_up", 2), ("sign_up", 1), ("confirmed", 1)],
    )
    town.later(seconds=10)
    poster.post()
    assert len(receiver.got) == 5
    assert receiver.types[-2:] == ["sign_up", "confirmed"], "the same message again, then the next"
    assert len({got.id for got in receiver.got}) == 4


@on_sqlite
def test_one_that_is_away_is_asked_ever_more_seldom_by_one_message_and_gets_all_in_the_end(
    town: Town, receiver: Receiver, listen, poster: Poster
) -> None:
    listen(EventName.SIGN_UP)
    receiver.status = 503
    town.people(12)
    poster.post()
    first = len(receiver.got)
    assert first <= 8, "one batch met it"
    poster.post()
    assert len(receiver.got) == first
    for _ in range(30):
        town.later(minutes=10)
        poster.post()
    assert len(receiver.got) < first + 15
    assert hook(town).failing_since is not None
    receiver.status = 200
    town.later(hours=3)
    for _ in range(5):
        poster.post()
        town.later(hours=3)
    assert {post.state for post in posts(town)} == {"done"}
    assert (hook(town).failing_since, hook(town).failures) == (None, 0)


@on_sqlite
def test_who_asks_to_wait_is_left_alone_for_so_long(town: Town, receiver: Receiver, listen, poster) -> None:
    listen(EventName.SIGN_UP)
    receiver.status, receiver.headers = 429, {"Retry-After": "7200"}
    town.ana()
    poster.post()
    receiver.status, receiver.headers = 200, {}
    town.later(minutes=110)
    assert poster.post() == 0
    town.later(minutes=20)
    assert poster.post() == 1


@on_sqlite
@pytest.mark.parametrize(
    ("status", "days", "why"), [(410, 0, "410 Gone"), (404, 6, "it has taken nothing since")]
)
def test_one_that_never_takes_anything_is_switched_off_and_comes_back_by_a_word(
    town: Town, receiver: Receiver, listen, poster: Poster, status: int, days: int, why: str
) -> None:
    listen(EventName.SIGN_UP)
    receiver.status = status
    town.ana()
    poster.post()
    for day in range(days):
        town.later(days=1)
        town.person(f"person{day}", interview_date="2026-12-20")
        poster.post()
    assert hook(town).state == "off"
    assert why in hook(town).why
    before = len(posts(town))
    town.person("late", interview_date="2026-12-20")
    assert len(posts(town)) == before, "for one that is off nothing is written"
    receiver.status = 200
    with town.write() as session:
        assert try_again(session, session.scalars(select(Webhook)).one(), now=town.now) == before
        agree(session)
    town.later(minutes=1)
    assert poster.post() == before


@on_sqlite
def test_a_message_is_given_up_after_days_and_forgotten_after_a_month(
    town: Town, receiver: Receiver, listen, poster: Poster
) -> None:
    listen(EventName.SIGN_UP)
    town.ana()
    for wait in (timedelta(), *WAITS):
        receiver.answers = [400]
        town.later(seconds=wait.total_seconds() * 1.2)
        poster.post()
    (post,) = posts(town)
    assert (post.state, post.attempts, post.status) == ("failed", len(WAITS) + 1, 400)
    with town.write() as session:
        assert forget_old_posts(session, now=town.now + timedelta(days=29)) == 0
        assert forget_old_posts(session, now=town.now + timedelta(days=31)) == 1


@on_sqlite
def test_a_worker_that_dies_before_its_record_posts_the_same_message_again(
    town: Town, receiver: Receiver, listen, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(EventName.SIGN_UP)
    town.ana()
    with monkeypatch.context() as patch:
        patch.setattr("scheduler.posting.note", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            poster.post()
    assert poster.post() == 0, "it is still that worker's"
    town.later(minutes=3)
    assert poster.post() == 1
    assert receiver.got[0].id == receiver.got[1].id
    assert receiver.got[0].body == receiver.got[1].body


@on_sqlite
def test_a_copy_of_the_database_tells_nobody(town: Town, receiver: Receiver, listen, poster: Poster) -> None:
    listen(EventName.SIGN_UP)
    town.ana()
    with town.write() as session:
        put_on(session, "moved_machine", "a copy", now=town.now)
    assert poster.post() == 0
    with town.write() as session:
        release_brake(session, now=town.now)
    assert poster.post() == 1


@on_sqlite
def test_nothing_follows_a_redirect_or_reaches_an_inner_address(
    town: Town, receiver: Receiver, listen
) -> None:
    listen(EventName.SIGN_UP)
    receiver.status, receiver.headers = 302, {"Location": receiver.url}
    town.ana()
    poster = Poster(database=town.database, clock=lambda: town.now, keys=KEYS, places=Places())
    poster.post()
    assert receiver.got == [], "loopback is no public place"
    assert "may be connected to" in posts(town)[0].error
    town.later(hours=1)
    poster.places = Places(("127.0.0.1/32",))
    poster.post()
    assert len(receiver.got) == 1
    assert posts(town)[0].status == 302


@on_sqlite
def test_the_worker_s_clock_posts_and_a_database_that_is_away_stops_nothing(
    town: Town, receiver: Receiver, listen, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(EventName.SIGN_UP)
    town.ana()
    clock = Clock(town.worker(), poster=poster)
    with capture_logs() as logs:
        clock.post()
        monkeypatch.setattr(poster, "post", lambda: 1 / 0)
        clock.post()
    assert receiver.types == ["sign_up"]
    assert [line["event"] for line in logs] == ["posted", "posting_failed"]
    clock.stop()
    assert poster.stopped.is_set()
