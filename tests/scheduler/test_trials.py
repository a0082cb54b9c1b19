"""A trial is decided once, by the rule it began with: whoever looks, and however often."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from town import Town
from versions import KEY, drill_town, retimed, shipped

from campaigns import Brand
from campaigns.applied_catalog import applied
from campaigns.trial import Trial, standings
from campaigns.variants import DecideBy
from runup.database import Database
from runup.reports import Period, Report, report
from runup.reports.plain import plain
from runup.web.pages import Pages
from runup.web.report_page import page
from scheduler import Clock, Send, State
from scheduler.comparing import Count
from scheduler.reaction import Reaction, ReactionKind
from scheduler.trial_counts import SETTLED, counted
from scheduler.trial_sends import TrialSend
from scheduler.trials import TrialError, decide, decisions, judge
from subscribers import Interview
from subscribers.interview import Outcome
from subscribers.own_data import forget_interview

CLICKS = 'decide   = { by = "clicks", people = 10, within = "1d" }\n'
OFFERS = 'decide   = { by = "outcomes", outcome = "offer", people = 10 }\n'
TWO = 'variants = [{ key = "plain" }, { key = "question", subject = "Ready?" }]\n'
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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


@dataclass
class Trying:
    """People who got the advice in one variant or the other by turns, one an hour; the first at `began`."""

    town: Town
    began: datetime
    people: list[Interview]
    sends: list[int]

    @property
    def plain(self) -> list[int]:
        return self.sends[0::2]

    @property
    def question(self) -> list[int]:
        return self.sends[1::2]

    def click(self, sends: Iterable[int], *, after: timedelta = HOUR, machine: str = "") -> None:
        """A click in each of these, so long after it left."""
        with self.town.write() as session:
            for send_id in sends:
                left_at = session.get_one(Send, send_id).left_at
                assert left_at
                at = left_at + after
                session.add(Reaction(send_id=send_id, kind=ReactionKind.CLICKED, at=at, machine=machine))

    def look(self, moment: datetime) -> bool:
        """A worker looks; returns whether it was decided."""
        trial, rule = self.trial
        with self.town.write() as session:
            return judge(session, trial.id, rule, now=moment)

    @property
    def trial(self) -> tuple[Trial, DecideBy]:
        with self.town.database.read() as session:
            rule = applied(session, self.town.catalog).sequence(KEY).step("advice").decide
            assert rule
            return session.scalars(select(Trial).order_by(Trial.id.desc())).first(), rule  # type: ignore[return-value]

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        with self.town.database.read() as session:
            return {one.variant: (one.people, one.answered) for one in counted(session, self.trial[0])}

    @property
    def decided(self) -> list[tuple[str, str, dict[str, Any]]]:
        with self.town.database.read() as session:
            found = decisions(session, self.trial[0].id)
            return [(one.variant, one.decided_by, json.loads(one.counts)) for one in found]

    @property
    def winner(self) -> str:
        with self.town.database.read() as session:
            sequence = applied(session, self.town.catalog).sequence(KEY)
            return standings(session, sequence)["advice"].winner


def begin(town: Town, count: int = 24, rule: str = CLICKS) -> Trying:
    town.ana(interview_date="2027-03-01")
    town.apply(retimed(shipped(), "advice", "until ", f"{rule}{TWO}until "))
    people = town.people(count)
    made = Trying(town, town.now, people, [])
    with town.write() as session:
        for number, person in enumerate(people):
            made.sends.append(leave(session, town, person, ("plain", "question")[number % 2], number))
    return made


def leave(session: Session, town: Town, person: Interview, variant: str, hour: int) -> int:
    """The advice has left to this person in this variant, so many hours from now."""
    at = town.now + hour * HOUR
    of_person = select(Send.id).where(Send.subscriber_id == person.subscriber_id, Send.step == "advice")
    send_id = session.scalars(of_person.order_by(Send.id.desc())).first()
    assert send_id
    left = {
        "state": State.DELIVERED,
        "reason": "accepted",
        "left_at": at,
        "finished_at": at,
        "ready_at": None,
    }
    session.execute(update(Send).where(Send.id == send_id).values(left))
    trial_id = session.scalars(select(Trial.id).order_by(Trial.id.desc())).first()
    session.add(TrialSend(send_id=send_id, trial_id=trial_id, variant=variant, is_split=True))
    return send_id


# -- when --------------------------------------------------------------------------------------------------


def test_nothing_is_decided_before_the_sample_is_complete_and_all_had_their_time(either_drill: Town) -> None:
    """The tenth question left in the twentieth hour; whoever got it then has a day, and machines a minute."""
    trying = begin(either_drill)
    trying.click(trying.question[:8])
    complete = trying.began + 19 * HOUR
    for moment in (trying.began, complete, complete + DAY, complete + DAY + SETTLED - HOUR / 3600):
        assert not trying.look(moment)
    assert trying.decided == []
    assert trying.look(complete + DAY + SETTLED)
    ((variant, by, seen),) = trying.decided
    assert (variant, by, seen["better"], trying.winner) == ("question", "", "question", "question")
    assert seen["variants"] == [
        {"variant": "plain", "people": 10, "delivered": 10, "answered": 0},
        {"variant": "question", "people": 10, "delivered": 10, "answered": 8},
    ], "two more of each had got it by then, and are not in the sample"


def test_looking_a_hundred_times_is_looking_once(drill: Town) -> None:
    trying = begin(drill)
    trying.click(trying.question[:8])
    looks = [trying.look(trying.began + number * HOUR) for number in range(100)]
    assert (sum(looks), len(trying.decided)) == (1, 1)


def test_too_few_people_are_never_enough(drill: Town) -> None:
    trying = begin(drill, count=19)
    trying.click(trying.question)
    assert not trying.look(trying.began + 300 * DAY)
    assert trying.counts == {"plain": (10, 0), "question": (9, 9)}


def test_no_difference_is_said_once_and_not_looked_for_again(drill: Town) -> None:
    trying = begin(drill)
    trying.click([*trying.plain[:3], *trying.question[:3]])
    assert trying.look(trying.began + 10 * DAY)
    trying.click(trying.question[3:], after=2 * HOUR)
    assert not trying.look(trying.began + 11 * DAY)
    ((variant, _, seen),) = trying.decided
    assert (variant, seen["better"], trying.winner) == ("", "", "")
    assert seen["gaps"][0]["low"] < 0 < seen["gaps"][0]["high"]


def test_days_alone_decide_by_whoever_got_it_in_them(drill: Town) -> None:
    trying = begin(drill, rule=CLICKS.replace("people = 10", "days = 1"))
    trying.click(trying.question)
    assert not trying.look(trying.began + 2 * DAY)
    assert trying.look(trying.began + 2 * DAY + SETTLED)
    assert [one["people"] for one in trying.decided[0][2]["variants"]] == [12, 12]


def test_an_operator_who_wants_the_last_word_has_it(drill: Town) -> None:
    trying = begin(drill, rule=CLICKS.replace(" }", ", automatic = false }"))
    trying.click(trying.question)
    assert trying.look(trying.began + 10 * DAY)
    assert [(one, by, seen["better"]) for one, by, seen in trying.decided] == [("", "", "question")]
    assert trying.winner == ""
    trial, rule = trying.trial
    with drill.write() as session:
        decide(session, trial.id, rule, "question", by="maria", now=drill.now)
    assert (trying.winner, trying.decided[-1][1]) == ("question", "maria")


def test_an_operator_s_word_ends_it_and_another_word_is_heard(drill: Town) -> None:
    trying = begin(drill, count=4)
    trial, rule = trying.trial
    with drill.write() as session:
        decide(session, trial.id, rule, "plain", by="maria", now=drill.now)
    assert not trying.look(trying.began + 300 * DAY), "the rule is not asked any more"
    with drill.write() as session, pytest.raises(TrialError, match="has won already"):
        decide(session, trial.id, rule, "plain", by="maria", now=drill.now)
    with drill.write() as session, pytest.raises(TrialError, match="there is: plain, question"):
        decide(session, trial.id, rule, "qestion", by="maria", now=drill.now)
    with drill.write() as session:
        decide(session, trial.id, rule, "question", by="sam", now=drill.now)
    assert [variant for variant, _, _ in trying.decided] == ["plain", "question"]
    assert trying.winner == "question"


def test_a_worker_s_clock_looks_by_itself(drill: Town) -> None:
    trying = begin(drill)
    trying.click(trying.question)
    clock = Clock(drill.worker())
    clock.judge()
    assert trying.winner == ""
    drill.now = trying.began + 10 * DAY
    clock.judge()
    assert trying.winner == "question"


def test_other_words_for_a_variant_begin_from_zero(drill: Town) -> None:
    trying = begin(drill)
    trying.click(trying.question)
    assert trying.look(trying.began + 10 * DAY)
    changed = TWO.replace("Ready?", "Are you ready?")
    drill.apply(retimed(shipped(), "advice", "until ", f"{CLICKS}{changed}until "))
    assert (trying.winner, trying.counts) == ("", {"plain": (0, 0), "question": (0, 0)})


# -- who and what counts -----------------------------------------------------------------------------------


def test_machines_and_late_clicks_are_no_answers(drill: Town) -> None:
    trying = begin(drill)
    trying.click(trying.plain[:5], machine="agent")
    trying.click(trying.plain[5:8], after=DAY + HOUR)
    trying.click(trying.question[:2])
    trying.click(trying.question[:2], after=2 * HOUR)
    trying.look(trying.began + 10 * DAY)
    assert trying.counts == {"plain": (12, 0), "question": (12, 2)}


def test_a_click_that_may_still_turn_out_a_machine_s_waits(drill: Town) -> None:
    trying = begin(drill)
    trying.click(trying.sends[:1])
    trying.look(trying.began + HOUR + SETTLED / 2)
    assert trying.counts["plain"][1] == 0
    trying.look(trying.began + HOUR + SETTLED)
    assert trying.counts["plain"][1] == 1


def test_offers_are_counted_while_they_are_told_and_stay_when_they_are_forgotten(drill: Town) -> None:
    trying = begin(drill, rule=OFFERS)
    moment = trying.began + 5 * DAY
    with drill.write() as session:
        for number, person in enumerate(trying.people):
            told = Outcome.OFFER if number % 2 else Outcome.REJECTED
            session.get_one(Interview, person.id).end_with(told, now=moment)
    trying.look(moment)
    with drill.write() as session:
        for person in trying.people:
            forget_interview(session, session.get_one(Interview, person.id), now=moment)
    assert trying.counts == {"plain": (12, 0), "question": (12, 12)}
    assert trying.look(trying.began + 40 * DAY)
    assert trying.winner == "question"


def test_a_person_counts_once_by_the_first_they_got(drill: Town) -> None:
    trying = begin(drill, count=2)
    with drill.write() as session:
        for send_id in trying.sends:
            session.get_one(Send, send_id).subscriber_id = trying.people[0].subscriber_id
    assert trying.counts == {"plain": (1, 0), "question": (0, 0)}


def test_what_bounced_is_counted_and_what_never_left_is_not(drill: Town) -> None:
    """Whoever would leave out bounces would compare other people than chance had chosen."""
    trying = begin(drill, count=4)
    with drill.write() as session:
        session.get_one(Send, trying.sends[0]).state = State.BOUNCED
        session.get_one(Send, trying.sends[1]).state = State.UNKNOWN
        session.flush()
        found = counted(session, trying.trial[0])
    assert found == [Count("plain", 2, 1, 0), Count("question", 1, 1, 0)]


# -- where it is read --------------------------------------------------------------------------------------


def test_the_report_counts_each_variant_and_says_how_the_trial_stands(either_drill: Town) -> None:
    trying = begin(either_drill)
    trying.click(trying.question[:8])
    trying.look(trying.began + 19 * HOUR + DAY + SETTLED)
    found = reported(either_drill)
    assert [(one.campaign, one.step, one.variant) for one in found.variants] == [
        (KEY, "advice", "plain"),
        (KEY, "advice", "question"),
    ]
    assert [(one.fate.left, one.fate.delivered, one.answered) for one in found.variants] == [
        (12, 12, 0),
        (12, 12, 8),
    ]
    (verdict,) = found.verdicts
    assert verdict.startswith(f"{KEY}/advice: ")
    assert "question" in verdict
    assert [(one["variant"], one["delivered"], one["answered"]) for one in plain(found)["variants"]] == [
        ("plain", 12, 0),
        ("question", 12, 8),
    ]


def test_the_report_s_page_has_a_table_of_them_and_none_where_nothing_is_tried(drill: Town) -> None:
    brand = Brand(name="Jones", postal_address="1 Example Street", site_url="https://example.com")
    assert "Variants" not in page(reported(drill), Pages(brand))
    trying = begin(drill)
    trying.click(trying.question[:8])
    trying.look(trying.began + 19 * HOUR + DAY + SETTLED)
    html = page(reported(drill), Pages(brand))
    table = html.partition('id="variants"')[2].partition("</section>")[0]
    for cell in ("plain", "question", "<td>12</td>", "<td>8</td>", "66.7 %"):
        assert cell in table
    assert escape(reported(drill).verdicts[0]) in table


def reported(town: Town) -> Report:
    later = town.now + 300 * DAY
    with town.database.read() as session:
        return report(session, period=Period(None, later), catalog=town.catalog, now=later)
