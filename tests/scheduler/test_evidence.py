"""Doubt settled by evidence: events however late, the journal, silence where it means something, a canary."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import RST_AFTER_BODY, Fault, How, answer
from sqlalchemy import delete, select, update
from town import Town

from campaigns.reasons import Reason
from delivery import copies
from delivery.events import DeliveryEvent, EventType
from delivery.records import store
from scheduler import Attempt, Canary, Hold, Journal, Send, State, release_brake
from scheduler.doubt import NOT_HEARD_OF, Evidence, settle
from scheduler.feed import SILENT_FOR, is_silence_evidence, usual_share
from scheduler.outcomes import Answer, Outcome

_numbers = itertools.count()
NEVER_TAKEN = Fault(how=How.RESET)
"""Lost on the way, and nobody here can tell."""


def tell(town: Town, *sends: Send, kind: EventType = EventType.PROCESSED, attempt: int = 1) -> None:
    with town.write() as session:
        events = [
            DeliveryEvent(
                id=f"told-{next(_numbers)}",
                reference=send.reference,
                attempt=attempt,
                type=kind,
                occurred_at=town.now,
            )
            for send in sends
        ]
        store(session, events, source="test", hash_address=str, now=town.now)


@pytest.fixture
def doubtful(posting_town: Town, sendgrid: SendGridFake) -> Send:
    """Ana's welcome: SendGrid hung up after it had all of it, and threw it away."""
    posting_town.ana()
    sendgrid.fail_next(NEVER_TAKEN)
    posting_town.tick()
    send = posting_town.send("welcome")
    assert send.state == State.IN_DOUBT
    return send


def neighbors(town: Town, number: int, *, heard: int) -> None:
    """As many people join and get their welcome; the feed tells of some."""
    town.people(number)
    town.tick(concurrency=4)
    fresh = [send for send in town.sends("welcome") if send.state == State.ACCEPTED][-number:]
    tell(town, *fresh[:heard])
    town.tick()


def test_an_event_settles_it_however_late(posting_town: Town, doubtful: Send) -> None:
    tell(posting_town, doubtful)
    posting_town.later(minutes=1).tick()
    assert posting_town.send("welcome").state == State.PROCESSED


def test_an_event_corrects_what_had_been_given_up(posting_town: Town, doubtful: Send) -> None:
    posting_town.later(hours=7).tick()
    assert posting_town.send("welcome").state == State.UNKNOWN
    tell(posting_town, doubtful, kind=EventType.DELIVERED)
    posting_town.later(hours=20).tick()
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.reason) == (State.DELIVERED, Reason.ACCEPTED)


def test_an_event_before_the_answer_makes_the_answer_no_news(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    """The provider was faster with its event than with its reply: recorded once, and not twice."""
    posting_town.ana()
    worker = posting_town.worker()
    send = posting_town.send("welcome")
    deliver = posting_town.provider.deliver

    def tell_first(email: object) -> object:
        accepted = deliver(email)  # type: ignore[arg-type]
        tell(posting_town, send)
        with posting_town.write() as session:
            from scheduler.hearing import hear

            hear(session, now=posting_town.now)
        return accepted

    posting_town.provider.deliver = tell_first  # type: ignore[method-assign, assignment]
    worker.tick()
    assert posting_town.send("welcome").state == State.PROCESSED
    assert len(sendgrid.accepted) == 1


def test_an_event_stops_the_second_attempt(posting_town: Town, sendgrid: SendGridFake) -> None:
    """A provider that said "not sent" and lied."""
    posting_town.ana()
    sendgrid.fail_next(answer(429))
    posting_town.tick()
    waiting = posting_town.send("welcome")
    assert waiting.state == State.RETRY_WAIT
    tell(posting_town, waiting)
    posting_town.later(hours=1).tick()
    assert posting_town.send("welcome").state == State.PROCESSED
    assert not sendgrid.accepted


def test_silence_on_a_healthy_feed_means_that_it_never_came(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake
) -> None:
    posting_town.later(minutes=5)
    neighbors(posting_town, 20, heard=20)
    posting_town.later(minutes=39, seconds=59).tick()
    assert posting_town.sends(id=doubtful.id)[0].state == State.IN_DOUBT, "45 minutes are not over"
    posting_town.later(seconds=1).tick()
    again = posting_town.sends(id=doubtful.id)[0]
    assert (again.state, again.attempts) == (State.ACCEPTED, 2)
    assert sum(accept.mid == doubtful.reference for accept in sendgrid.accepted) == 1


def copies_of(send: Send, sendgrid: SendGridFake) -> int:
    return sum(accept.mid == send.reference for accept in sendgrid.accepted)


def attempts_at(town: Town, send: Send) -> list[tuple[str, str]]:
    with town.database.read() as session:
        found = select(Attempt).where(Attempt.send_id == send.id).order_by(Attempt.number)
        return [(attempt.kind, attempt.error) for attempt in session.scalars(found)]


def silence(town: Town) -> None:
    """Forty-six minutes in which the feed tells of everybody who joined, and of nobody else."""
    town.later(minutes=1)
    neighbors(town, 20, heard=20)
    town.later(minutes=45).tick()


@pytest.mark.parametrize("on_unknown", ["drop", "resend"])
def test_what_silence_brought_once_is_not_tried_a_third_time(
    posting_town: Town, sendgrid: SendGridFake, on_unknown: str
) -> None:
    """The feed tells of all but this one, of which it loses every event: both copies are in the mailbox."""
    posting_town.ana()
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.tick()
    doubtful = posting_town.send("welcome")
    with posting_town.write() as session:
        session.execute(update(Send).where(Send.id == doubtful.id).values(on_unknown=on_unknown))
    posting_town.later(minutes=1)
    neighbors(posting_town, 20, heard=20)
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.later(minutes=45).tick()
    again = posting_town.sends(id=doubtful.id)[0]
    assert (again.state, again.attempts, again.resends) == (State.IN_DOUBT, 2, 1)
    assert attempts_at(posting_town, doubtful)[0] == ("N", NOT_HEARD_OF)
    silence(posting_town)
    assert posting_town.sends(id=doubtful.id)[0].state == State.IN_DOUBT, "silence has been believed once"
    posting_town.later(hours=6).tick()
    end = posting_town.sends(id=doubtful.id)[0]
    assert (end.state, end.reason, end.attempts) == (State.UNKNOWN, Reason.UNKNOWN, 2)
    assert copies_of(doubtful, sendgrid) == 2


def test_after_a_blind_second_attempt_silence_brings_no_third(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.tick()
    doubtful = posting_town.send("welcome")
    resend(posting_town)
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.later(hours=6).tick()
    assert posting_town.send("welcome").attempts == 2
    silence(posting_town)
    posting_town.later(hours=6).tick()
    assert posting_town.sends(id=doubtful.id)[0].state == State.UNKNOWN
    assert copies_of(doubtful, sendgrid) == 2


def test_what_silence_brought_back_does_not_hide_the_first_when_it_fails_for_certain(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake
) -> None:
    """That nothing was heard of it is no proof: "rejected" would claim to know that nothing arrived."""
    posting_town.later(minutes=1)
    neighbors(posting_town, 20, heard=20)
    sendgrid.fail_next(answer(400))
    posting_town.later(minutes=45).tick()
    welcome = posting_town.sends(id=doubtful.id)[0]
    assert (welcome.state, welcome.reason, welcome.attempts) == (State.UNKNOWN, Reason.UNKNOWN, 2)
    assert welcome.left_at


def test_certain_evidence_brings_it_back_as_often_as_it_takes(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake
) -> None:
    for attempt in (1, 2, 3):
        sendgrid.fail_next(NEVER_TAKEN)
        with posting_town.write() as session:
            settle(
                session,
                doubtful.id,
                attempt=attempt,
                evidence=Evidence.NOT_TAKEN,
                now=posting_town.later(minutes=1).now,
            )
        posting_town.tick()
        send = posting_town.send("welcome")
        assert (send.state, send.attempts, send.resends) == (State.IN_DOUBT, attempt + 1, 0)


def test_no_canary_is_sent_for_what_silence_cannot_help(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake
) -> None:
    with posting_town.write() as session:
        session.execute(update(Send).where(Send.id == doubtful.id).values(resends=1))
    posting_town.later(minutes=16)
    posting_town.worker(canary_address="ops@runup.example.com").tick()
    assert not sendgrid.accepted


@pytest.mark.parametrize(
    ("number", "heard", "why"),
    [(19, 19, "too few to tell"), (20, 19, "one of twenty is missing"), (40, 0, "the feed is down")],
)
def test_silence_means_nothing_when(
    posting_town: Town, doubtful: Send, number: int, heard: int, why: str
) -> None:
    posting_town.later(minutes=5)
    neighbors(posting_town, number, heard=heard)
    posting_town.later(hours=2).tick()
    assert posting_town.sends(id=doubtful.id)[0].state == State.IN_DOUBT, why


def test_a_feed_that_usually_misses_some_is_measured_by_its_own_week(
    posting_town: Town, doubtful: Send
) -> None:
    posting_town.later(minutes=5)
    neighbors(posting_town, 50, heard=49)
    posting_town.later(hours=1)
    with posting_town.database.read() as session:
        assert doubtful.intent_at
        assert usual_share(session, now=posting_town.now) == pytest.approx(0.98)
        healthy = is_silence_evidence(session, doubtful.intent_at, baseline=0.98, now=posting_town.now)
        strict = is_silence_evidence(session, doubtful.intent_at, baseline=1.0, now=posting_town.now)
    assert (healthy, strict) == (True, False)


def test_without_anything_else_sent_a_canary_asks_the_feed(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake
) -> None:
    worker = posting_town.worker(canary_address="ops@runup.example.com")
    posting_town.later(minutes=14)
    worker.tick()
    assert not sendgrid.accepted, "others may still be sent meanwhile"
    posting_town.later(minutes=1)
    worker.tick()
    posting_town.later(minutes=1)
    worker.tick()
    (canary,) = sendgrid.accepted
    with posting_town.write() as session:
        song = DeliveryEvent(
            id="song", reference=canary.mid, attempt=1, type=EventType.PROCESSED, occurred_at=posting_town.now
        )
        store(session, [song], source="test", hash_address=str, now=posting_town.now)
    worker.tick()
    assert posting_town.send("welcome").state == State.IN_DOUBT, "45 minutes are not over"
    posting_town.later(minutes=40)
    worker.tick()
    again = posting_town.send("welcome")
    assert (again.state, again.attempts) == (State.ACCEPTED, 2)
    with posting_town.database.read() as session:
        assert session.scalars(select(Canary)).one().heard_at


def test_a_canary_that_comes_out_of_a_backlog_proves_nothing(posting_town: Town, doubtful: Send) -> None:
    with posting_town.write() as session:
        session.add(Canary(reference="c" * 32, sent_at=posting_town.later(minutes=1).now, kind="ok"))
    posting_town.later(minutes=50)
    with posting_town.write() as session:
        session.get_one(Canary, "c" * 32).heard_at = posting_town.now
    posting_town.later(minutes=1).tick()
    assert posting_town.send("welcome").state == State.IN_DOUBT


def test_evidence_speaks_of_its_own_attempt(posting_town: Town, doubtful: Send) -> None:
    """Another worker was faster, and the next attempt is in doubt by now."""
    with posting_town.write() as session:
        settle(session, doubtful.id, attempt=2, evidence=Evidence.NOT_TAKEN, now=posting_town.now)
    assert posting_town.send("welcome").state == State.IN_DOUBT


def test_an_answer_written_down_later_by_another_process_is_found_before_the_end(
    posting_town: Town, doubtful: Send, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "shared")
    worker = posting_town.worker(journal=journal)
    worker.tick()
    answer = Answer(
        send_id=doubtful.id,
        reference=doubtful.reference,
        number=1,
        token="another's",
        outcome=Outcome(kind="ok", status=202),
    )
    Journal(journal.folder).append([answer], now=posting_town.later(hours=1).now)
    worker.tick()
    posting_town.later(hours=5)
    worker.tick()
    assert posting_town.send("welcome").state == State.ACCEPTED


def test_nobody_without_an_address_for_it_gets_a_canary(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake
) -> None:
    posting_town.later(hours=2).tick()
    assert posting_town.send("welcome").state == State.IN_DOUBT
    assert not sendgrid.accepted


def resend(town: Town) -> None:
    with town.write() as session:
        session.execute(update(Send).values(on_unknown="resend"))


def test_what_nobody_must_miss_goes_once_more_at_its_deadline_and_never_a_third_time(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake
) -> None:
    resend(posting_town)
    sendgrid.choose_fault = lambda: RST_AFTER_BODY
    posting_town.later(hours=6).tick()
    again = posting_town.send("welcome")
    assert (again.state, again.attempts, again.resends) == (State.IN_DOUBT, 2, 1)
    posting_town.later(hours=6).tick()
    given_up = posting_town.send("welcome")
    assert (given_up.state, given_up.attempts) == (State.UNKNOWN, 2)
    posting_town.later(hours=12).tick()
    assert len(sendgrid.accepted) == 1


def test_a_second_attempt_that_may_not_leave_any_more_ends_as_unknown(
    posting_town: Town, doubtful: Send
) -> None:
    """The first may have arrived: "expired" would claim to know better."""
    resend(posting_town)
    posting_town.later(hours=6)
    posting_town.pause()
    posting_town.tick()
    assert posting_town.send("welcome").state == State.RETRY_WAIT
    posting_town.later(days=3).tick()
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.reason) == (State.UNKNOWN, Reason.UNKNOWN)
    assert welcome.left_at == doubtful.intent_at


def test_no_doubt_ends_while_somebody_has_to_look_at_the_clock(posting_town: Town, doubtful: Send) -> None:
    with posting_town.write() as session:
        session.add(Hold(kind="clock", began_at=posting_town.now, detail="it jumped"))
    posting_town.later(hours=7).tick()
    assert posting_town.send("welcome").state == State.IN_DOUBT
    with posting_town.write() as session:
        release_brake(session, now=posting_town.now)
    posting_town.later(seconds=2).tick()
    assert posting_town.send("welcome").state == State.UNKNOWN


@pytest.mark.parametrize(
    "fault", [answer(400), answer(429), answer(401)], ids=["refused", "busy", "locked out"]
)
def test_a_second_attempt_that_fails_for_certain_does_not_hide_the_first(
    posting_town: Town, doubtful: Send, sendgrid: SendGridFake, fault: Fault
) -> None:
    resend(posting_town)
    sendgrid.choose_fault = lambda: fault
    posting_town.later(hours=6).tick()
    assert posting_town.send("welcome").left_at, "the first may have left"
    posting_town.later(days=3).tick()
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.reason) == (State.UNKNOWN, Reason.UNKNOWN)
    assert welcome.left_at


def test_one_that_waits_for_the_gap_goes_once_more_all_the_same(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    """It keeps no distance to its own first attempt."""
    posting_town.ana()
    posting_town.tick()
    posting_town.at("2026-11-27 09:30")
    sendgrid.fail_next(NEVER_TAKEN)
    posting_town.tick()
    resend(posting_town)
    posting_town.later(hours=6).tick()
    assert posting_town.send("details").state == State.ACCEPTED


def test_a_doubtful_confirmation_goes_once_more(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.stranger("ana")
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.tick()
    posting_town.later(hours=6).tick()
    assert posting_town.send("confirm").state == State.ACCEPTED


# -- the journal ---------------------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


class Gone(BaseException):
    """The process, at once."""


def dies_after(act: Callable[..., object]) -> Callable[..., object]:
    def run(*arguments: object, **named: object) -> object:
        act(*arguments, **named)
        raise Gone

    return run


def test_an_answer_in_the_journal_outlives_the_worker_that_heard_it(
    posting_town: Town, sendgrid: SendGridFake, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting_town.ana()
    with monkeypatch.context() as fate:
        fate.setattr(journal, "append", dies_after(journal.append))
        with pytest.raises(Gone):
            posting_town.worker(journal=journal).tick()
        posting_town.workers.clear()
    assert posting_town.send("welcome").state == State.SENDING
    posting_town.later(seconds=61).tick(journal=Journal(journal.folder))
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.attempts) == (State.ACCEPTED, 1)
    assert len(sendgrid.accepted) == 1


def test_a_definite_no_in_the_journal_lets_it_go_again(
    posting_town: Town, sendgrid: SendGridFake, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting_town.ana()
    sendgrid.fail_next(answer(429))
    with monkeypatch.context() as fate:
        fate.setattr(journal, "append", dies_after(journal.append))
        with pytest.raises(Gone):
            posting_town.worker(journal=journal).tick()
        posting_town.workers.clear()
    posting_town.later(seconds=61).tick(journal=Journal(journal.folder))
    assert (posting_town.send("welcome").state, len(sendgrid.accepted)) == (State.ACCEPTED, 1)


def test_the_journal_reads_what_a_crash_has_left(journal: Journal, posting_town: Town) -> None:
    posting_town.people(3)
    posting_town.tick(journal=journal)
    (file,) = journal.folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert len(list(journal.lines())) == 2
    posting_town.later(minutes=1).person("late")
    posting_town.tick(journal=journal)
    assert len(list(journal.lines())) == 3, "a line cut off does not spoil the next"
    assert "example.com" not in file.read_text()


def test_the_journal_forgets_after_eight_days(journal: Journal, posting_town: Town) -> None:
    posting_town.ana()
    posting_town.tick(journal=journal)
    journal.forget(now=posting_town.later(days=8).now)
    assert len(list(journal.lines())) == 1
    journal.forget(now=posting_town.later(days=1).now)
    assert not list(journal.lines())


def test_silence_is_asked_of_attempts_that_were_heard_and_not_of_time_alone(posting_town: Town) -> None:
    with posting_town.database.read() as session:
        intent = posting_town.now - SILENT_FOR - timedelta(hours=1)
        assert not is_silence_evidence(session, intent, baseline=1.0, now=posting_town.now)
        assert session.scalars(select(Attempt)).all() == []


def test_a_backup_brought_back_learns_from_the_journal_what_has_left(
    town: Town, outbox: Path, journal: Journal
) -> None:
    """Rows as they were before the tick, and the journal of the tick: nothing leaves twice."""
    town.people(5)
    with town.database.read() as session:
        before = {
            send.id: {c.key: getattr(send, c.key) for c in Send.__table__.columns} for send in town.sends()
        }
        assert session
    town.tick(journal=journal)
    assert sum(copies(outbox).values()) == 5
    with town.write() as session:
        session.execute(delete(Attempt))
        for values in before.values():
            session.execute(update(Send).where(Send.id == values["id"]).values(**values))
    town.later(minutes=2).tick(journal=Journal(journal.folder))
    assert sum(copies(outbox).values()) == 5
    assert {send.state for send in town.sends("welcome")} == {State.ACCEPTED}
    town.later(minutes=2).tick(journal=Journal(journal.folder))
    with town.database.read() as session:
        assert {found.kind for found in session.scalars(select(Attempt))} == {"ok"}
