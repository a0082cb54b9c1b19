"""Emails with variants leave: each person gets theirs, it is written down with the intent, and what may have
left is never reworded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import RST_AFTER_BODY
from sqlalchemy import func, select
from town import Town
from versions import KEY, drill_town, retimed, shipped, weighed

from campaigns.source_files import CampaignFiles
from campaigns.timetable import sequence_of
from campaigns.trial import Trial, TrialDecision
from campaigns.variants import assigned
from delivery import Accepted, Email, NotSent, SendGridConfig, open_provider
from delivery.inbox import read_outbox
from runup.database import Database
from scheduler import Send, State
from scheduler.impact import Kind
from scheduler.trial_sends import TrialSend

QUESTION = "Do you have your questions?"
VARIANTS = f"""decide   = {{ by = "clicks", people = 500 }}
variants = [{{ key = "plain" }}, {{ key = "question", subject = "{QUESTION}" }}]
"""


@pytest.fixture
def drill(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    with drill_town(database, tmp_path, monkeypatch) as town:
        yield town


@pytest.fixture
def sqlite_drill(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    database = Database(sqlite_url)
    with drill_town(database, tmp_path, monkeypatch) as town:
        yield town
    database.close()


def with_variants(step: str = "advice", variants: str = VARIANTS) -> CampaignFiles:
    """A step of the drill with two subjects: as it is, and as a question."""
    return retimed(shipped(), step, "until ", f"{variants}until ")


def on_trial(town: Town, count: int, step: str = "advice") -> list[int]:
    """So many people on the campaign once the version with the variants is in force; their numbers."""
    town.ana(interview_date="2027-03-01")  # the campaign is seen first, as its files are
    town.apply(with_variants(step))
    return [one.subscriber_id for one in town.people(count)]


def at_the_advice(town: Town, moment: str = "2026-12-02T09:30") -> None:
    """Two days before the interview, at half past nine: the advice leaves."""
    town.tick()
    town.at(moment).tick()


def left_as(town: Town, folder: Path, step: str = "advice") -> dict[int, str]:
    """Which subject left to whom, as the provider has it."""
    with town.database.read() as session:
        people = dict(
            session.execute(select(Send.reference, Send.subscriber_id).where(Send.step == step)).all()
        )
    emails = read_outbox(folder / "outbox")
    return {people[one.reference]: one.subject for one in emails if one.reference in people}


def written(town: Town) -> dict[int, tuple[str, bool]]:
    """Which variant is written down for whom, and whether it fell to them."""
    with town.database.read() as session:
        rows = session.execute(
            select(Send.subscriber_id, TrialSend.variant, TrialSend.is_split).join(
                TrialSend, TrialSend.send_id == Send.id
            )
        )
        return {row.subscriber_id: (row.variant, row.is_split) for row in rows}


def decide(town: Town, variant: str) -> None:
    with town.write() as session:
        trial = session.scalars(select(Trial)).one()
        session.add(
            TrialDecision(
                trial_id=trial.id, variant=variant, decided_at=town.now, rule="by hand", counts="{}"
            )
        )


def theirs(step: str, number: int) -> str:
    variants = sequence_of(with_variants(step)).step(step).variants
    return assigned(variants, f"{KEY}/{step}", number).key


def test_each_person_gets_theirs_and_it_is_written_down_with_the_intent(drill: Town, tmp_path: Path) -> None:
    people = on_trial(drill, 12)
    at_the_advice(drill)
    left = left_as(drill, tmp_path)
    assert set(left) == set(people)
    assert written(drill) == {number: (theirs("advice", number), True) for number in people}
    assert {number for number in people if left[number] == QUESTION} == {
        number for number in people if theirs("advice", number) == "question"
    }
    assert len({theirs("advice", number) for number in people}) == 2, "both are among so many"


def test_an_email_without_variants_has_no_such_row(sqlite_drill: Town) -> None:
    sqlite_drill.ana()
    at_the_advice(sqlite_drill)
    assert sqlite_drill.send("advice").state == State.ACCEPTED
    assert written(sqlite_drill) == {}


def test_who_comes_after_the_decision_gets_the_winner_and_is_not_counted(
    sqlite_drill: Town, tmp_path: Path
) -> None:
    town = sqlite_drill
    people = on_trial(town, 8)
    at_the_advice(town)
    decide(town, "question")
    coming = [town.person(f"late{number}", interview_date="2026-12-05") for number in range(8)]
    late = [one.subscriber_id for one in coming]
    at_the_advice(town, "2026-12-03T09:30")
    assert {number: written(town)[number] for number in late} == dict.fromkeys(late, ("question", False))
    assert all(left_as(town, tmp_path)[number] == QUESTION for number in late)
    assert len(left_as(town, tmp_path)) == len(people) + len(late), "what had left is not sent again"


class Refuses:
    """A provider that is not there: certainly nothing leaves."""

    name = "outbox"

    def deliver(self, email: Email) -> Accepted:
        raise NotSent("nobody answers")

    def close(self) -> None:
        pass


def test_what_certainly_did_not_leave_goes_out_as_it_was_decided_meanwhile(
    sqlite_drill: Town, tmp_path: Path
) -> None:
    town = sqlite_drill
    people = on_trial(town, 4)
    town.tick()
    town.at("2026-12-02T09:30").tick(provider=Refuses())
    assert any(variant == "plain" for variant, _ in written(town).values())
    decide(town, "question")
    town.workers.clear()
    town.later(hours=1).tick()
    assert written(town) == dict.fromkeys(people, ("question", False))
    assert set(left_as(town, tmp_path).values()) == {QUESTION}


def test_a_second_copy_reads_like_the_first_whatever_was_decided_meanwhile(
    sqlite_drill: Town, sendgrid: SendGridFake
) -> None:
    """It may have left: two wordings of one email in a mailbox would be worse than two copies."""
    town = sqlite_drill
    (number,) = on_trial(town, 1, "eve")
    mine = theirs("eve", number)
    provider = open_provider(SendGridConfig(api_key="SG.tests", host=sendgrid.url))
    town.at("2026-12-03T16:30")
    sendgrid.fail_next(RST_AFTER_BODY)
    while not town.sends("eve", state=State.IN_DOUBT):
        town.later(minutes=1).tick(provider=provider)
    decide(town, "plain" if mine == "question" else "question")
    town.at("2026-12-04T08:00").tick(provider=provider)
    provider.close()
    town.workers.clear()
    assert town.sends("eve", subscriber_id=number)[-1].resends == 1
    told = [body["subject"] for body in sendgrid.bodies if body["subject"] in (QUESTION, "Tomorrow")]
    assert told == [QUESTION if mine == "question" else told[0]] * 2
    assert written(town)[number] == (mine, True)


def test_a_trial_goes_on_when_shares_change_and_after_a_rollback(sqlite_drill: Town) -> None:
    town = sqlite_drill
    town.ana()
    uneven = VARIANTS.replace('"plain" }', '"plain", share = 80 }').replace(
        '"question",', '"question", share = 20,'
    )
    for files in (with_variants(), with_variants(variants=uneven), shipped(), with_variants()):
        town.apply(files)
    with town.database.read() as session:
        assert session.scalar(select(func.count(Trial.id))) == 1
    town.apply(with_variants(variants=VARIANTS.replace("500", "600")))
    with town.database.read() as session:
        assert session.scalar(select(func.count(Trial.id))) == 2, "another rule is another trial"


def test_a_plan_tells_whom_new_variants_give_other_words(sqlite_drill: Town) -> None:
    town = sqlite_drill
    town.ana(interview_date="2027-03-01")
    people = [one.subscriber_id for one in town.people(12)]
    impact, effects = weighed(town, with_variants())
    reworded = {number for number in people if effects[number].changes}
    assert reworded == {number for number in people if theirs("advice", number) == "question"}
    assert 0 < impact.total(Kind.REWORDED) == impact.affected


def test_a_plan_after_a_decision_tells_who_would_get_the_loser_back(sqlite_drill: Town) -> None:
    town = sqlite_drill
    people = on_trial(town, 12)
    decide(town, "question")
    _, effects = weighed(town, with_variants(variants=VARIANTS.replace("500", "600")))
    reworded = {number for number in people if effects[number].changes}
    assert reworded == {number for number in people if theirs("advice", number) == "plain"}
