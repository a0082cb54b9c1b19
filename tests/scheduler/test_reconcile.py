"""`reconcile`: the only way sends come and go."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from town import Town

from campaigns.reasons import Reason
from scheduler import Send, State
from scheduler.send import OPEN
from subscribers import Interview, Subscriber, cancel
from subscribers.own_data import erase


def again(town: Town, interview: Interview) -> None:
    with town.write() as session:
        town.reconcile(session, interview.subscriber_id)


def test_a_confirmed_sign_up_has_every_step_of_her_plan(town: Town) -> None:
    town.ana()
    planned = [send.step for send in town.sends(state=State.PLANNED)]
    assert planned[:4] == ["welcome", "details", "people", "format"]
    assert planned[-1] == "farewell"


def test_what_is_stored_is_her_wall_time_and_zone_beside_the_moment(town: Town) -> None:
    town.ana()
    details = town.send("details")
    assert details.local_at.startswith("2026-11-27T09:0")
    assert details.zone == "Europe/Berlin"
    assert details.due_at is not None
    assert (details.due_at.hour, details.ready_at) == (8, details.due_at)


def test_running_it_twice_changes_nothing(town: Town) -> None:
    ana = town.ana()
    town.tick()
    town.at("2026-11-27 09:30").tick()
    before = town.snapshot()
    again(town, ana)
    again(town, ana)
    assert town.snapshot() == before


def test_a_stranger_gets_a_confirmation_and_nothing_else(town: Town) -> None:
    town.stranger("kiri", home_zone="Pacific/Kiritimati")
    assert [send.step for send in town.sends()] == ["confirm", "confirm_again"]


def test_a_moved_date_moves_every_unsent_step(town: Town) -> None:
    ana = town.ana()
    town.tick()
    town.later(hours=1).move(ana, "2026-12-11")
    assert town.send("details").local_at.startswith("2026-12-04T09:0")
    eve = town.send("day_before")
    assert (eve.occasion, eve.state) == ("r1", State.PLANNED)
    assert eve.local_at.startswith("2026-12-10T16:0")
    assert town.send("moved").state == State.PLANNED


def test_the_step_of_the_old_date_is_withdrawn_with_its_reason(town: Town) -> None:
    ana = town.ana()
    town.later(hours=1).move(ana, "2026-12-11")
    old = next(send for send in town.sends("day_before") if send.occasion == "r0")
    assert (old.state, old.reason) == (State.SUPERSEDED, Reason.MOVED)


def test_evergreen_advice_that_has_left_is_not_sent_again_for_the_new_date(town: Town) -> None:
    ana = town.ana()
    town.tick()
    town.at("2026-11-27 09:30").tick()
    town.later(hours=1).move(ana, "2026-12-18")
    assert [send.state for send in town.sends("details")] == [State.ACCEPTED]


def test_a_canceled_interview_keeps_only_its_confirmation(town: Town) -> None:
    ana = town.ana()
    town.tick()
    with town.later(hours=1).write() as session:
        cancel(session, session.get_one(Interview, ana.id), now=town.now)
        town.reconcile(session, ana.subscriber_id)
    assert [send.step for send in town.sends(state=State.PLANNED)] == ["canceled"]
    assert town.send("day_before").reason == Reason.CANCELED


def test_taken_up_again_a_step_is_a_new_row_and_the_final_one_stays(town: Town) -> None:
    ana = town.ana()
    town.tick()
    town.later(hours=1).unsubscribe(ana)
    closed = town.send("details")
    assert (closed.state, closed.reason) == (State.SUPPRESSED, Reason.UNSUBSCRIBED)
    town.later(hours=1).person("ana")
    first, second = sorted(
        (s for s in town.sends("details") if s.enrollment_id == closed.enrollment_id),
        key=lambda send: send.occurrence,
    )
    assert (first.id, first.state, first.finished_at) == (closed.id, State.SUPPRESSED, closed.finished_at)
    assert (second.state, second.occurrence) == (State.PLANNED, 1)


def test_an_erased_person_has_nothing_planned(town: Town) -> None:
    ana = town.ana()
    town.tick()
    with town.later(hours=1).write() as session:
        erase(session, session.get_one(Subscriber, ana.subscriber_id), now=town.now)
        town.reconcile(session, ana.subscriber_id)
    assert not [send for send in town.sends() if send.state in OPEN]
    assert town.send("details").reason == Reason.ERASED
    assert town.send("welcome").state == State.ACCEPTED


def test_final_rows_never_change(town: Town) -> None:
    ana = town.ana()
    town.tick()
    town.later(hours=1).move(ana, "2026-12-11")
    final = {row["id"]: row for row in town.snapshot() if row["state"] not in OPEN}
    town.later(hours=1).move(ana, "2026-12-18")
    town.later(days=3).unsubscribe(ana)
    after = {row["id"]: row for row in town.snapshot()}
    assert final
    assert {identity: after[identity] for identity in final} == final


def test_nobody_is_nobody(town: Town) -> None:
    with town.write() as session:
        town.reconcile(session, 12345)


@pytest.mark.parametrize(
    "values",
    [
        {"state": "accepted"},
        {"state": "expired", "finished_at": None},
        {"state": "sending"},
        {"state": "claimed"},
        {"due_at": None},
    ],
    ids=["final without a moment", "final without a reason", "no intent", "no lease", "nothing due"],
)
def test_the_database_refuses_a_state_that_cannot_be(town: Town, values: dict[str, object]) -> None:
    town.ana()
    with pytest.raises(IntegrityError), town.write() as session:
        session.execute(update(Send).where(Send.step == "details").values(**values))


def test_the_database_refuses_a_second_open_row_for_one_occasion(town: Town) -> None:
    ana = town.ana()
    town.move(ana, "2026-12-11")
    old = next(send for send in town.sends("day_before") if send.occasion == "r0")
    again = {"occasion": "r1", "state": "planned", "finished_at": None, "reason": None}
    with pytest.raises(IntegrityError), town.write() as session:
        session.execute(update(Send).where(Send.id == old.id).values(**again))
