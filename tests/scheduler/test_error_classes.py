"""What becomes of a send after anything that can happen to its call: the table "Classes of error"."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import (
    CUT_BODY_AFTER_202,
    CUT_STATUS_LINE,
    FIN_AFTER_BODY,
    GARBAGE,
    RST_AFTER_BODY,
    Fault,
    answer,
)
from sqlalchemy import select, update
from town import SEQUENCE, Town

from campaigns.enrollment import Campaign, CampaignPause, CampaignState
from campaigns.reasons import Reason
from delivery import SendGridConfig, open_provider
from runup.database import Database
from runup.reports import status
from scheduler import Attempt, BreakerState, Heartbeat, Send, State
from scheduler.outcomes import Answer, Outcome
from scheduler.refusals import of_the_words

Reopen = Callable[[], Database]
REFUSED_WORDS = b'{"errors":[{"message":"The content value must be a string","field":"content.0.value"}]}'
REFUSED_READER = b'{"errors":[{"message":"Not a valid address.","field":"personalizations.0.to.0.email"}]}'


def kinds(town: Town) -> list[str]:
    with town.database.read() as session:
        return list(session.scalars(select(Attempt.kind).order_by(Attempt.id)))


def is_paused(town: Town) -> bool:
    with town.database.read() as session:
        return session.get_one(Campaign, SEQUENCE).state == CampaignState.PAUSED


@pytest.mark.parametrize("code", [400, 413, 415])
def test_class_r_is_rejected_for_good(posting_town: Town, sendgrid: SendGridFake, code: int) -> None:
    posting_town.ana()
    sendgrid.fail_next(answer(code))
    posting_town.tick()
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.reason, kinds(posting_town)) == (State.REJECTED, Reason.REJECTED, ["R"])
    assert not is_paused(posting_town)


@pytest.mark.parametrize("code", [401, 403, 404, 405])
def test_class_a_opens_the_breaker_and_burns_nothing(
    posting_town: Town, sendgrid: SendGridFake, code: int
) -> None:
    posting_town.people(3)
    sendgrid.fail_next(answer(code))
    assert str(code) in posting_town.tick().held
    assert kinds(posting_town) == ["A"]
    assert {send.state for send in posting_town.sends("welcome")} == {State.PLANNED}
    assert posting_town.later(seconds=30).tick().accepted == 3


@pytest.mark.parametrize(
    "fault",
    [
        *[answer(code) for code in (200, 204, 301, 302, 303, 307, 308, 408, 500, 502, 503, 504, 520)],
        RST_AFTER_BODY, FIN_AFTER_BODY, GARBAGE, CUT_STATUS_LINE, CUT_BODY_AFTER_202,
    ],
    ids=[
        *["200", "204", "301", "302", "303", "307", "308", "408", "500", "502", "503", "504", "520"],
        "reset", "end", "garbage", "cut status line", "202 with a cut body",
    ],
)  # fmt: skip
def test_class_u_is_in_doubt_and_never_simply_sent_again(
    posting_town: Town, sendgrid: SendGridFake, fault: Fault
) -> None:
    posting_town.ana()
    sendgrid.fail_next(fault)
    posting_town.tick()
    assert (posting_town.send("welcome").state, kinds(posting_town)) == (State.IN_DOUBT, ["U"])
    posting_town.later(minutes=5).tick()
    assert len(sendgrid.requests) == 1


def test_a_refused_connection_waits_counts_to_the_breaker_and_not_to_poison(posting_town: Town) -> None:
    posting_town.ana()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    nobody = open_provider(SendGridConfig(api_key="SG.tests", host=f"http://127.0.0.1:{port}"))
    posting_town.tick(provider=nobody)
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.claims, kinds(posting_town)) == (State.RETRY_WAIT, 0, ["N"])
    with posting_town.database.read() as session:
        assert session.get_one(BreakerState, "sendgrid").failures == 1


def test_after_many_definite_failures_it_still_waits_and_only_its_expiry_ends_it(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    sendgrid.choose_fault = lambda: answer(429)
    worker = posting_town.worker()
    while len(kinds(posting_town)) < 12:
        posting_town.later(minutes=16)
        worker.tick()
        assert posting_town.send("welcome").state == State.RETRY_WAIT
    welcome = posting_town.send("welcome")
    assert welcome.expires_at
    posting_town.now = welcome.expires_at + timedelta(seconds=1)
    worker.tick()
    assert (posting_town.send("welcome").state, set(kinds(posting_town))) == (State.EXPIRED, {"N"})


# -- three refusals alike -------------------------------------------------------------------------------


def test_three_refusals_alike_pause_the_campaign_and_say_why(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.people(10)
    sendgrid.choose_fault = lambda: answer(400, body=REFUSED_WORDS)
    worker = posting_town.worker(batch=1)
    worker.tick()
    assert len(posting_town.sends(state=State.REJECTED)) == 3
    assert len(posting_town.sends("welcome", state=State.PLANNED)) == 7, "the others are not lost"
    assert is_paused(posting_town)
    posting_town.later(seconds=2)
    worker.tick()
    with posting_town.database.read() as session:
        (pause,) = session.scalars(select(CampaignPause))
        assert "step welcome" in pause.why
        assert "The content value must be a string" in pause.why
        assert pause.why in session.scalars(select(Heartbeat.note)).one()
        shown = status(session, now=posting_town.now)
    assert shown.paused == (SEQUENCE,)
    assert [(found["campaign"], found["why"]) for found in shown.pauses] == [(SEQUENCE, pause.why)]
    assert len(sendgrid.requests) == 3


def test_the_other_campaigns_go_on(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.people(4)
    sendgrid.fail_next(*[answer(400, body=REFUSED_WORDS)] * 3)
    posting_town.tick()
    with posting_town.database.read() as session:
        states = dict(session.execute(select(Campaign.key, Campaign.state)).all())
    assert states.pop(SEQUENCE) == CampaignState.PAUSED
    assert set(states.values()) <= {CampaignState.RUNNING}
    with posting_town.database.read() as session:
        breaker = session.get(BreakerState, "sendgrid")
    assert breaker is None or breaker.opened_at is None, "and the provider is not to blame"


def test_resumed_it_takes_three_more(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.people(9)
    sendgrid.fail_next(*[answer(413, body=REFUSED_WORDS)] * 5)
    worker = posting_town.worker(batch=1)
    worker.tick()
    assert is_paused(posting_town)
    posting_town.later(minutes=5).resume()
    worker.tick()
    assert not is_paused(posting_town)
    assert len(posting_town.sends(state=State.REJECTED)) == 5
    assert len(posting_town.sends("welcome", state=State.ACCEPTED)) == 4
    with posting_town.database.read() as session:
        assert status(session, now=posting_town.now).pauses == ()


@pytest.mark.parametrize(
    "replies",
    [
        [answer(400, body=REFUSED_WORDS)] * 2,
        [answer(400, body=REFUSED_WORDS), answer(413, body=REFUSED_WORDS), answer(415)],
        [answer(400, body=REFUSED_READER)] * 6,
    ],
    ids=["two", "three that differ", "six addresses"],
)
def test_what_does_not_pause_it(posting_town: Town, sendgrid: SendGridFake, replies: list[Fault]) -> None:
    posting_town.people(8)
    sendgrid.fail_next(*replies)
    posting_town.tick()
    assert not is_paused(posting_town)
    assert len(posting_town.sends(state=State.REJECTED)) == len(replies)


def test_a_new_version_begins_to_count_anew(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.people(2)
    sendgrid.fail_next(*[answer(400, body=REFUSED_WORDS)] * 3)
    posting_town.tick()
    with posting_town.write() as session:
        later = posting_town.now + timedelta(seconds=1)
        session.execute(update(Campaign).values(version_at=later))
    posting_town.later(minutes=1).person("kiri")
    posting_town.tick()
    assert (len(posting_town.sends(state=State.REJECTED)), is_paused(posting_town)) == (3, False)


def test_refusals_are_counted_over_all_workers(
    posting_town: Town, sendgrid: SendGridFake, reopen: Reopen
) -> None:
    sendgrid.choose_fault = lambda: answer(400, body=REFUSED_WORDS)
    for number in range(3):
        assert number == 0 or not is_paused(posting_town)
        posting_town.person(f"guest{number}")
        posting_town.tick(database=reopen())
    assert is_paused(posting_town)


def test_a_refusal_of_smtp_is_about_its_reader(posting_town: Town) -> None:
    """550 No such user, five times alike: no template is to blame."""
    said = Outcome(kind="R", status=550, error="the server answered 550: no such user")
    answers = [Answer(send_id=n, reference="", number=1, token="", outcome=said) for n in range(5)]
    assert of_the_words(answers) == []


# -- poison -----------------------------------------------------------------------------------------------


def test_three_claims_without_an_intent_and_no_fourth(town: Town) -> None:
    town.ana()
    with town.write() as session:
        session.execute(
            update(Send)
            .where(Send.step == "welcome")
            .values(state=State.CLAIMED, lease_token="t", lease_until=town.now, claims=3)
        )
    town.later(seconds=1).tick()
    assert town.send("welcome").state == State.DEAD
    assert town.left() == []
