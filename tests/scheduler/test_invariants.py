"""The rules that live data can be asked about: a healthy town breaks none, and each broken row is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session
from town import SEQUENCE, Town

from campaigns.reasons import Reason
from scheduler import Attempt, Send, State
from scheduler.invariants import Violation, forgotten, violations


def look(town: Town, **more: Any) -> list[Violation]:
    with town.database.read() as session:
        return violations(session, gaps={SEQUENCE: town.catalog.sequence(SEQUENCE).gap}, **more)


def rules(found: list[Violation]) -> set[int]:
    return {violation.rule for violation in found}


def change(town: Town, send: Send, **values: Any) -> None:
    with town.write() as session:
        session.execute(update(Send).where(Send.id == send.id).values(**values))


def ignore_the_checks(session: Session) -> None:
    """A row that the database itself would refuse: as damage or a hand would leave it."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA ignore_check_constraints=ON"))
        return
    for name in ("final_has_a_moment", "final_has_a_reason", "claimed_has_a_lease", "sending_has_an_intent"):
        session.execute(text(f"ALTER TABLE send DROP CONSTRAINT ck_send_{name}"))


def test_weeks_of_a_town_break_no_rule(town: Town) -> None:
    moved = town.people(6)[0]
    leaver = town.person("kiri", home_zone="Pacific/Kiritimati")
    town.stranger("sam", home_zone="America/St_Johns")
    town.tick()
    assert look(town) == []
    town.tick_until("2026-11-27 10:00")
    town.move(moved, "2026-12-10")
    town.unsubscribe(leaver)
    town.tick_until("2026-12-06 10:00", every=timedelta(hours=6))
    assert len(town.left()) > 40
    assert look(town) == []
    with town.database.read() as session:
        assert forgotten(session, now=town.now) == []


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (1, {"ready_at": None}),
        (1, {"expires_at": None}),
        (4, {"resends": 2, "on_unknown": "resend"}),
        (13, {"state": State.SUPERSEDED}),
        (13, {"finished_at": timedelta()}),
        (1, {"state": State.CLAIMED}),
        (6, {"state": State.SENDING}),
        (15, {"state": "lost"}),
        (16, {"local_at": "2026-11-27T10:00:00"}),
        (16, {"zone": "Nowhere/Land"}),
    ],
)
def test_a_waiting_row_that_breaks_a_rule_is_found(town: Town, rule: int, values: dict[str, Any]) -> None:
    town.ana()
    town.tick()
    values = {k: town.now if isinstance(v, timedelta) else v for k, v in values.items()}
    broken = town.send("details")
    with town.write() as session:
        ignore_the_checks(session)
        session.execute(update(Send).where(Send.id == broken.id).values(**values))
    found = look(town)
    assert rule in rules(found)
    assert {violation.send_id for violation in found} == {broken.id}


def test_an_acceptance_needs_proof(town: Town) -> None:
    town.ana()
    change(town, town.send("details"), state=State.ACCEPTED, reason=Reason.ACCEPTED, finished_at=town.now)
    assert rules(look(town)) == {2}


def test_two_copies_need_a_second_attempt_that_is_known_as_one(town: Town) -> None:
    town.ana()
    town.tick()
    welcome = town.send("welcome")
    attempt = {"send_id": welcome.id, "number": 2, "worker": "w", "provider": "outbox", "intent_at": town.now}
    with town.write() as session:
        session.execute(insert(Attempt).values(**attempt, kind="U", heard_at=town.now))
    assert rules(look(town)) == {4}
    change(town, welcome, resends=1, on_unknown="resend")
    assert look(town) == []


def test_two_emails_within_the_gap_are_seen(town: Town) -> None:
    town.ana()
    town.tick_until("2026-11-27 10:00")
    assert town.left() == ["welcome", "details"]
    welcome = town.send("welcome")
    assert welcome.left_at
    change(town, town.send("details"), left_at=welcome.left_at + timedelta(minutes=5))
    (found,) = look(town)
    assert (found.rule, found.words) == (18, "details left 0:05:00 after welcome")


def test_what_nobody_looks_after_is_forgotten_only_after_a_while(town: Town) -> None:
    town.ana()
    town.tick()
    end = town.send("details").expires_at
    assert end
    with town.database.read() as session:
        assert forgotten(session, now=end + timedelta(minutes=9)) == []
        late = forgotten(session, now=end + timedelta(minutes=11))
    assert [violation.words.partition(" (")[0] for violation in late] == [
        "its expiry has passed and nobody ended it"
    ]
    change(town, town.send("details"), state=State.CLAIMED, lease_token="t" * 32, lease_until=town.now)
    with town.database.read() as session:
        (lease,) = forgotten(session, now=town.now + timedelta(minutes=11))
    assert "nobody took it back" in lease.words


def test_a_look_is_bounded_and_goes_on_where_it_stopped(town: Town) -> None:
    town.ana()
    town.tick()
    sends = sorted(send.id for send in town.sends())
    change(town, town.sends(id=sends[-1])[0], resends=2, on_unknown="resend")
    assert look(town, most=3) == []
    assert rules(look(town, after=sends[-2], most=3)) == {4}
