"""What a call came to, as the rows tell it: each class of error on a real socket."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import GARBAGE, RST_AFTER_BODY, answer
from sqlalchemy import select, update
from town import Town

from campaigns.reasons import Reason
from delivery import OutboxConfig, open_provider
from scheduler import Attempt, Heartbeat, Send, State
from scheduler.outcomes import LONGEST_WAIT, Answer, Outcome, record, wait


def attempts(town: Town) -> list[Attempt]:
    with town.database.read() as session:
        return list(session.scalars(select(Attempt).order_by(Attempt.id)))


def test_accepted_with_the_providers_own_id(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.ana()
    assert posting_town.tick().accepted == 1
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.reason, welcome.finished_at) == (
        State.ACCEPTED,
        Reason.ACCEPTED,
        posting_town.now,
    )
    assert (welcome.lease_token, welcome.lease_until) == (None, None)
    (attempt,), (accept,) = attempts(posting_town), sendgrid.accepted
    assert (attempt.kind, attempt.status, attempt.provider_message_id) == ("ok", 202, accept.message_id)
    assert (accept.mid, accept.att) == (welcome.reference, "1")


def test_a_definite_no_waits_and_goes_again_with_the_next_number(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    sendgrid.fail_next(answer(503, {"Retry-After": "90"}))
    assert posting_town.tick().failed == 1
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.left_at) == (State.RETRY_WAIT, None)
    assert welcome.ready_at == posting_town.now + timedelta(seconds=90)
    assert posting_town.later(seconds=89).tick().accepted == 0
    assert posting_town.later(seconds=1).tick().accepted == 1
    assert [(a.number, a.kind) for a in attempts(posting_town)] == [(1, "N"), (2, "ok")]
    assert [accept.att for accept in sendgrid.accepted] == ["2"]


def test_what_the_provider_refuses_for_good_is_final(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.ana()
    sendgrid.fail_next(answer(400))
    posting_town.tick()
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.reason, welcome.left_at) == (State.REJECTED, Reason.REJECTED, None)
    posting_town.later(hours=1).tick()
    assert posting_town.send("welcome").id == welcome.id


@pytest.mark.parametrize("fault", [RST_AFTER_BODY, GARBAGE, answer(500)])
def test_what_nobody_knows_is_in_doubt_and_not_sent_again(
    posting_town: Town, sendgrid: SendGridFake, fault: object
) -> None:
    posting_town.ana()
    sendgrid.fail_next(fault)  # type: ignore[arg-type]
    posting_town.tick()
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.finished_at) == (State.IN_DOUBT, None)
    assert welcome.left_at == posting_town.now
    posting_town.later(hours=1).tick()
    assert posting_town.send("welcome").state == State.IN_DOUBT
    assert len(sendgrid.requests) == 1


def test_a_refused_account_leaves_everything_waiting_and_says_so(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.people(5)
    sendgrid.choose_fault = lambda: answer(401)
    tally = posting_town.tick()
    assert "sendgrid" in tally.held
    welcomes = posting_town.sends("welcome")
    assert {send.state for send in welcomes} == {State.PLANNED}
    assert {send.left_at for send in welcomes} == {None}
    assert len(sendgrid.requests) == 1, "nothing more was tried"
    with posting_town.database.read() as session:
        assert "401" in session.scalars(select(Heartbeat)).one().note


def test_a_probe_goes_every_half_minute_and_its_answer_opens_the_way(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.people(5)
    worker = posting_town.worker()
    sendgrid.choose_fault = lambda: answer(401)
    worker.tick()
    posting_town.later(seconds=29)
    worker.tick()
    assert len(sendgrid.requests) == 1
    posting_town.later(seconds=1)
    worker.tick()
    assert len(sendgrid.requests) == 2
    sendgrid.choose_fault = lambda: None
    posting_town.later(seconds=30)
    tally = worker.tick()
    assert (tally.accepted, tally.held) == (5, "")
    assert {send.state for send in posting_town.sends("welcome")} == {State.ACCEPTED}


def test_refusals_of_the_account_do_not_lengthen_the_waits_of_a_send(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    worker = posting_town.worker()
    sendgrid.fail_next(*[answer(401)] * 6, answer(429))
    for _ in range(7):
        worker.tick()
        posting_town.later(seconds=30)
    welcome = posting_town.send("welcome")
    assert [a.kind for a in attempts(posting_town)] == ["A"] * 6 + ["N"]
    assert welcome.ready_at
    assert welcome.ready_at <= posting_town.now + timedelta(seconds=30)


def test_five_failures_in_a_row_stop_the_calls(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.people(20)
    sendgrid.choose_fault = lambda: answer(503)
    assert posting_town.tick().held
    assert len(sendgrid.requests) == 5


def answered(kind: str, *, token: str, send: Send) -> Answer:
    return Answer(
        send_id=send.id, reference=send.reference, number=1, token=token, outcome=Outcome(kind=kind)
    )


@pytest.fixture
def sending(town: Town) -> Send:
    """Ana's welcome, its intent written, its worker busy."""
    town.ana()
    now = town.now
    with town.write() as session:
        session.execute(
            update(Send)
            .where(Send.step == "welcome")
            .values(state=State.SENDING, lease_token="mine", intent_at=now, left_at=now, attempts=1)
        )
        identity = session.scalars(select(Send.id).where(Send.step == "welcome")).one()
        session.add(Attempt(send_id=identity, number=1, worker="w", provider="outbox", intent_at=now))
    return town.send("welcome")


@pytest.mark.parametrize("kind", ["ok", "N", "R", "A", "U", "-"])
def test_only_the_holder_of_the_lease_changes_the_row(town: Town, sending: Send, kind: str) -> None:
    with town.write() as session:
        record(session, [answered(kind, token="somebody else's", send=sending)], now=town.now)
    assert town.send("welcome").state == State.SENDING
    (attempt,) = attempts(town)
    assert attempt.kind == kind, "what happened is written down all the same"
    with town.write() as session:
        record(session, [answered(kind, token="mine", send=sending)], now=town.now)
    assert town.send("welcome").state != State.SENDING


def test_an_answer_that_comes_late_settles_the_doubt(town: Town, sending: Send) -> None:
    with town.write() as session:
        session.execute(update(Send).where(Send.id == sending.id).values(state=State.IN_DOUBT))
        record(session, [answered("ok", token="mine", send=sending)], now=town.now)
    assert town.send("welcome").state == State.ACCEPTED


@pytest.mark.parametrize("final", [State.ACCEPTED, State.UNKNOWN])
def test_an_answer_never_changes_a_final_row(town: Town, sending: Send, final: State) -> None:
    with town.write() as session:
        values = {"state": final, "reason": Reason.UNKNOWN, "finished_at": town.now}
        session.execute(update(Send).where(Send.id == sending.id).values(**values))
        record(session, [answered("N", token="mine", send=sending)], now=town.now)
    assert town.send("welcome").state == final


def test_waits_double_up_to_a_quarter_of_an_hour_and_differ_between_people() -> None:
    refused = Outcome(kind="N")
    for failed in range(1, 12):
        waits = {wait(refused, identity, failed) for identity in range(200)}
        assert len(waits) > 100
        assert min(waits) > timedelta(0)
        assert max(waits) <= min(timedelta(seconds=30) * 2 ** (failed - 1), LONGEST_WAIT)


def test_the_providers_own_wish_is_kept_within_reason() -> None:
    assert wait(Outcome(kind="N", retry_after=7.0), 1, 5) == timedelta(seconds=7)
    assert wait(Outcome(kind="N", retry_after=-3.0), 1, 5) == timedelta(0)
    assert wait(Outcome(kind="N", retry_after=1e9), 1, 5) == timedelta(hours=1)


def test_a_machine_that_slept_after_the_last_checks_makes_no_call(town: Town, outbox: Path) -> None:
    """The stopwatch shows six seconds more each time somebody looks."""
    town.ana()
    readings = iter(range(0, 100_000, 6))
    assert town.tick(stopwatch=lambda: float(next(readings))).accepted == 0
    assert town.send("welcome").state == State.PLANNED
    assert [attempt.kind for attempt in attempts(town)] == ["-"]
    assert not list((outbox / "new").iterdir())


def test_an_outbox_whose_disk_is_away_refuses_everybody_and_blames_nobody(
    town: Town, outbox: Path, tmp_path: Path
) -> None:
    town.ana()
    provider = open_provider(OutboxConfig(folder=tmp_path / "away"))
    (tmp_path / "away" / "tmp").rmdir()
    tally = town.tick(provider=provider)
    assert tally.failed == 1
    assert town.send("welcome").state == State.PLANNED
