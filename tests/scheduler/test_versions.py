"""A campaign changes while people are on it: what has left stays, what is past stays past, and nothing of the
old version leaves once the new one is applied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from town import Town
from versions import KEY, drill_town, retimed, shipped, weighed, with_step, with_texts, without

from campaigns import Campaign, Enrollment, archive, publish, resume
from campaigns.publishing import BaseChanged
from campaigns.version import CampaignVersion
from delivery.inbox import read_outbox
from runup.database import Database
from scheduler import Send, State
from scheduler.agreed_plan import AgreedPlan, Ends, PlanRefused
from scheduler.impact import Change, Effect, Impact, Kind
from scheduler.reconcile_many import reconcile_many
from scheduler.replanning import TOGETHER, Replanner
from scheduler.send import ARRIVED, UNSENT
from scheduler.superseded import how_many
from subscribers import Subscriber, confirm

PEOPLE = int(os.environ.get("RUNUP_PEOPLE_PLANNED", "60"))
EARLY = """day      = -9
time     = 09:00:00
expires  = { day = -1, time = 09:00:00 }
late     = "skip"
once_per = "enrollment"
"""


@pytest.fixture
def drill(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    database = Database(sqlite_url)
    with drill_town(database, tmp_path, monkeypatch) as town:
        yield town
    database.close()


@pytest.fixture
def either_drill(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    with drill_town(database, tmp_path, monkeypatch) as town:
        yield town


# -- what others got wrong -----------------------------------------------------------------------------------


def test_a_changed_hour_moves_everybody_pending_and_touches_nobody_who_has_it(drill: Town) -> None:
    """Mautic #838."""
    town = drill
    town.ana(interview_date="2026-11-27")
    town.person("kiri", interview_date="2026-12-11")
    _live(town, "2026-11-26T18:00")
    anas = [row for row in town.snapshot() if row["step"] == "eve" and row["state"] == State.ACCEPTED]
    assert len(anas) == 1
    town.apply(retimed(shipped(), "eve", "16:00:00", "17:30:00"))
    town.tick()
    assert [row for row in town.snapshot() if row["id"] == anas[0]["id"]] == anas
    (kiris,) = town.sends("eve", state=State.PLANNED)
    assert kiris.local_at.startswith("2026-12-10T17:3")
    _live(town, "2026-12-12T10:00")
    assert town.left().count("eve") == 2


def test_a_step_inserted_before_where_they_stand_reaches_nobody_beyond_it(drill: Town) -> None:
    """Kit."""
    drill.ana(interview_date="2026-11-28")
    drill.person("kiri", interview_date="2026-12-11")
    _live(drill, "2026-11-25T10:00")
    drill.apply(with_step(shipped(), "early", EARLY, before="advice"))
    _live(drill, "2026-12-12T10:00")
    assert drill.left().count("early") == 1, "Kiri, nine days before her interview"
    (anas,) = drill.sends("early", state=State.SUPERSEDED)
    assert anas.reason == "superseded_version"


def test_a_new_reminder_in_a_running_campaign_mails_nobody_who_is_past_it(drill: Town) -> None:
    """Odoo #191371, CiviCRM #18298: a reminder in the past of a hundred people is not a hundred emails."""
    drill.people(4, interview_date="2026-11-25")
    _live(drill, "2026-11-26T12:00")
    left = drill.left()
    late = EARLY.replace("-9", "-1").replace("{ day = -1", "{ day = 9").replace('"skip"', '"send"')
    drill.apply(with_step(shipped(), "reminder", late, before="advice"))
    assert drill.tick().accepted == 0
    _live(drill, "2026-11-27T08:00")
    assert "reminder" not in drill.left()[len(left) :]


def test_a_campaign_paused_for_three_weeks_bursts_nothing_when_it_goes_on(drill: Town) -> None:
    """Mautic #3340."""
    for number, day in enumerate(("2026-11-30", "2026-12-04", "2026-12-08", "2026-12-15", "2026-12-30")):
        drill.person(f"person{number}", interview_date=day)
    drill.tick()
    drill.pause()
    drill.at("2026-12-14T12:00").tick()
    before = len(drill.left())
    drill.resume()
    drill.tick()
    assert len(drill.left()) - before == 0, "what was overdue is over, or waits for its next moment"
    _live(drill, "2026-12-31T12:00")
    assert drill.left()[before:].count("eve") == 2, "the two whose interviews were still to come"


def test_a_step_left_out_never_ends_the_sequence(drill: Town) -> None:
    """Braze."""
    drill.ana(interview_date="2026-12-04")
    drill.tick()
    drill.apply(retimed(shipped(), "advice", 'until    = "outcome"', "when = \"interview.mode == 'phone'\""))
    _live(drill, "2026-12-05T12:00")
    assert drill.send("advice").reason == "condition_false"
    assert drill.left() == ["welcome", "eve", "morning", "thanks"]


# -- the past stays past -------------------------------------------------------------------------------------


def test_a_step_that_was_away_brings_nothing_of_that_time_when_it_is_back(drill: Town) -> None:
    drill.ana(interview_date="2026-11-28")
    drill.person("kiri", interview_date="2026-12-11")
    drill.tick()
    drill.apply(without(shipped(), "nudge"))
    _live(drill, "2026-11-30T12:00")
    assert {send.reason for send in drill.sends("nudge")} == {"step_removed"}
    drill.apply(shipped())
    _live(drill, "2026-12-14T10:00")
    assert [send.subscriber_id for send in drill.sends("nudge") if send.state in ARRIVED] == [2]


@pytest.mark.parametrize("now_it_comes", ["date", "enrollment"])
def test_whoever_had_a_step_does_not_get_it_again_when_it_comes_more_or_less_often(
    drill: Town, now_it_comes: str
) -> None:
    drill.ana(interview_date="2026-11-26")
    _live(drill, "2026-11-25T17:00")
    step, was = ("advice", "enrollment") if now_it_comes == "date" else ("eve", "date")
    assert drill.left().count(step) == 1
    drill.apply(retimed(shipped(), step, f'once_per = "{was}"', f'once_per = "{now_it_comes}"'))
    _live(drill, "2026-11-26T12:00")
    assert drill.left().count(step) == 1


def test_what_is_applied_leaves_in_the_new_words(drill: Town, tmp_path: Path) -> None:
    drill.ana(interview_date="2026-11-27")
    drill.tick()
    drill.apply(with_texts(shipped(), eve__subject="Tonight, nothing\n"))
    _live(drill, "2026-11-26T18:00")
    assert _subjects(drill, tmp_path, "eve") == ["Tonight, nothing"]


def test_editing_a_file_changes_nothing(drill: Town, tmp_path: Path) -> None:
    """The files on the shelf are another version; the one in force came from the database."""
    drill.ana(interview_date="2026-11-27")
    drill.tick()
    planned = drill.snapshot()
    with drill.database.read() as session:
        stored = session.scalars(select(CampaignVersion)).one()
    assert (stored.number, stored.version) == (1, shipped().version)
    drill.worker().tick()
    assert drill.snapshot() == planned


# -- the plan says it, row by row ----------------------------------------------------------------------------


def test_what_the_plan_says_is_what_becomes_of_every_row(either_drill: Town) -> None:
    town = either_drill
    _a_crowd(town, PEOPLE)
    town.tick(concurrency=8)
    _as_of(town, "2026-12-01T12:00")
    changed = with_step(shipped(), "early", EARLY, before="advice")
    changed = retimed(changed, "eve", "16:00:00", "17:30:00")
    changed = without(with_texts(changed, thanks__subject="Thank them\n"), "nudge")
    impact, effects = weighed(town, changed)
    before = _rows(town)
    town.apply(changed)
    _replan(town)
    after = _rows(town)

    assert impact.people == PEOPLE
    assert min(impact.total(kind) for kind in Kind) > 0, "every kind of change is among them"
    assert impact.past_the_point > 0
    told = {(who, one.step): one for who, effect in effects.items() for one in effect.changes}
    for who, step in before.keys() | after.keys():
        _agrees(told.get((who, step)), before.get((who, step)), after.get((who, step)))
    assert len(told) == sum(impact.total(kind) for kind in Kind)


def test_the_plan_changes_nothing(drill: Town) -> None:
    _a_crowd(drill, 20)
    drill.tick()
    before = drill.snapshot()
    weighed(drill, retimed(shipped(), "eve", "16:00:00", "17:30:00"))
    assert drill.snapshot() == before


# -- half done is gone on with -------------------------------------------------------------------------------


def test_an_apply_that_dies_half_way_is_gone_on_with_and_nothing_old_leaves_meanwhile(
    either_drill: Town, tmp_path: Path
) -> None:
    town = either_drill.at("2026-12-03T09:00")
    town.people(TOGETHER * 2 + 5, interview_date="2026-12-04")
    town.tick(concurrency=8)
    town.at("2026-12-03T15:30")
    number = town.apply(
        with_texts(retimed(shipped(), "eve", "16:00:00", "17:30:00"), eve__subject="New words\n")
    )
    died = iter([False, True])
    dying = Replanner(
        database=town.database, catalog=town.catalog, clock=lambda: town.now, stopping=lambda: next(died)
    )
    assert dying.of_old_versions() == TOGETHER
    assert _behind(town, number) == TOGETHER + 5
    town.at("2026-12-03T16:20:00")
    assert town.tick(concurrency=8).accepted == 0, "the old version's hour has come"
    assert _behind(town, number) == 0
    town.at("2026-12-03T17:45").tick(concurrency=8)
    assert _subjects(town, tmp_path, "eve") == ["New words"] * (TOGETHER * 2 + 5)


def test_two_workers_share_what_an_old_version_planned(either_drill: Town) -> None:
    town = either_drill
    town.people(TOGETHER + 5, interview_date="2026-12-04")
    town.apply(retimed(shipped(), "eve", "16:00:00", "17:30:00"))
    assert town.tick().planned_again + town.tick().planned_again == TOGETHER + 5


def test_of_two_who_apply_at_once_one_is_told(either_drill: Town) -> None:
    either_drill.ana()
    either_drill.apply(retimed(shipped(), "eve", "16:00:00", "17:30:00"))
    with either_drill.write() as session, pytest.raises(BaseChanged):
        publish(session, KEY, shipped(), base=1, now=either_drill.now)


# -- archived ------------------------------------------------------------------------------------------------


def test_an_archived_campaign_sends_nothing_and_enrolls_nobody_until_it_goes_on(drill: Town) -> None:
    drill.ana(interview_date="2026-11-30")
    drill.tick()
    with drill.write() as session:
        assert archive(session, session.get_one(Campaign, KEY), now=drill.now, why="we stop")
    drill.person("sam", interview_date="2026-12-20")
    _live(drill, "2026-12-05T12:00")
    assert drill.left() == ["welcome"]
    with drill.database.read() as session:
        assert session.scalar(select(func.count(Enrollment.id))) == 1
    assert drill.send("eve").reason == "paused_expired"
    with drill.write() as session:
        assert resume(session, session.get_one(Campaign, KEY), now=drill.now)
    _live(drill, "2026-12-20T18:00")
    assert [send.subscriber_id for send in drill.sends("eve") if send.state in ARRIVED] == [2]


# -- the plan's name -----------------------------------------------------------------------------------------

ENDS = Ends("drill", 3, "aaaa", "bbbb")


def _impact(moved: int) -> Impact:
    impact = Impact()
    moment = datetime.fromisoformat("2026-12-04T10:00+00:00")
    for who in range(moved):
        change = Change(kind=Kind.MOVED, step="eve", before=moment, after=moment + timedelta(hours=1))
        impact.add(Effect(subscriber=who, zone="Europe/Berlin", changes=(change,)))
    return impact


def test_a_plan_is_known_by_its_name() -> None:
    name = str(AgreedPlan.of(ENDS, _impact(120)))
    assert name.endswith("-120m")
    AgreedPlan.parse(name).require(ENDS, _impact(120), most=0)


@pytest.mark.parametrize("ends", [Ends("drill", 4, "aaaa", "bbbb"), Ends("drill", 3, "aaaa", "cccc")])
def test_a_plan_for_other_files_or_another_base_is_refused(ends: Ends) -> None:
    plan = AgreedPlan.parse(str(AgreedPlan.of(ENDS, _impact(5))))
    with pytest.raises(PlanRefused, match="made for other files"):
        plan.require(ends, _impact(5), most=50)


def test_facts_may_move_on_a_little_and_not_more() -> None:
    plan = AgreedPlan.of(ENDS, _impact(10))
    plan.require(ENDS, _impact(15), most=5)
    plan.require(ENDS, _impact(2), most=5)
    with pytest.raises(PlanRefused, match="10 emails moved, and by now it is 16"):
        plan.require(ENDS, _impact(16), most=5)


def test_nobody_raises_the_numbers_in_a_plan_s_name() -> None:
    name = str(AgreedPlan.of(ENDS, _impact(10))).replace("10m", "99m")
    with pytest.raises(PlanRefused):
        AgreedPlan.parse(name).require(ENDS, _impact(60), most=5)


@pytest.mark.parametrize("text", ["", "yes", "8f3c21d0aa-120", "8f3c21d0aa-1x", "8F3C21D0AA", "é" * 70])
def test_what_is_no_plan_is_told_so(text: str) -> None:
    with pytest.raises(PlanRefused, match="is no plan"):
        AgreedPlan.parse(text)


def test_many_are_planned_as_each_would_be_alone(either_drill: Town) -> None:
    """Also whoever has not confirmed yet, and whoever has no enrollment at all."""
    town = either_drill
    _a_crowd(town, 24)
    town.tick(concurrency=8)
    town.at("2026-12-01T12:00")
    with town.write() as session:
        everybody = session.scalars(select(Subscriber.id)).all()
        session.execute(update(Subscriber).values(epoch=Subscriber.epoch + 1))
        assert reconcile_many(session, everybody, catalog=town.catalog, now=town.now) == 24
        assert not session.scalars(
            select(Subscriber.id).where(Subscriber.epoch != Subscriber.planned_epoch)
        ).all()
    together = town.snapshot()
    with town.write() as session:
        for who in everybody:
            town.reconcile(session, who)
    assert town.snapshot() == together


# -- how it is looked at -------------------------------------------------------------------------------------


def _live(town: Town, moment: str) -> None:
    """With a worker at every moment something is due."""
    town.tick_until(moment, every=timedelta(days=2))


def _a_crowd(town: Town, count: int) -> None:
    """People at every point of the campaign: their interviews lie on thirty days around today."""
    with town.write() as session:
        for number in range(count):
            day = datetime.fromisoformat("2026-11-25") + timedelta(days=number % 30)
            form = {"interview_date": day.date().isoformat(), "mode": "phone" if number % 7 else "video"}
            interview = town._sign_up(session, f"person{number}", form)
            if number % 11:
                confirm(session, interview, now=town.now)
            town.reconcile(session, interview.subscriber_id)


Row = dict[str, Any]


def _rows(town: Town) -> dict[tuple[int, str], Row]:
    """By person and step, the newest row of each."""
    rows = sorted(town.snapshot(), key=lambda row: row["occurrence"])
    return {(row["subscriber_id"], row["step"]): row for row in rows}


def _agrees(told: Change | None, before: Row | None, after: Row | None) -> None:
    """One email of one person: what the plan told of it is what became of its row."""
    was = before["due_at"] if before and before["state"] in UNSENT else None
    comes = after["due_at"] if after and after["state"] in UNSENT else None
    if told is None or told.kind is Kind.REWORDED:
        assert was == comes
        if before and before["state"] not in UNSENT:
            assert after == before, "what has left or ended is not touched"
    else:
        assert (told.before, told.after) == (was, comes)
        there = Kind.ADDED if was is None else Kind.MOVED
        assert told.kind is (Kind.WITHDRAWN if comes is None else there)
        if told.kind is Kind.WITHDRAWN:
            assert after
            assert after["reason"] == told.reason


def _as_of(town: Town, moment: str) -> None:
    """Everybody planned at that moment, as a worker that never stopped would have them by then."""
    town.at(moment)
    with town.write() as session:
        for who in session.scalars(select(Enrollment.subscriber_id)).all():
            town.reconcile(session, who)


def _replan(town: Town) -> None:
    Replanner(
        database=town.database, catalog=town.catalog, clock=lambda: town.now, stopping=lambda: False
    ).of_old_versions()


def _behind(town: Town, number: int) -> int:
    with town.database.read() as session:
        return how_many(session, KEY, number=number)


def _subjects(town: Town, tmp_path: Path, step: str) -> list[str]:
    """Of what lies in the outbox."""
    with town.database.read() as session:
        of_step = set(session.scalars(select(Send.reference).where(Send.step == step)))
    return [email.subject for email in read_outbox(tmp_path / "outbox") if email.reference in of_step]
