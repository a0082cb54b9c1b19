"""Two rows turn out to be one person: all that is theirs goes on, and nothing leaves twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from town import KEY, Town

from campaigns.newsletter import NewsletterIssue
from campaigns.reasons import Reason
from delivery.events import DeliveryEvent, EventType
from delivery.records import store
from runup.database import Base
from scheduler import Send, State
from scheduler.hearing import hear
from scheduler.merging import MergedSends, merge_people
from subscribers import (
    Consent,
    Interview,
    NewsletterList,
    Subscriber,
    Subscription,
    address_hmac,
    confirm,
    find_suppression,
    is_suppressed,
    join_list,
    leave_list,
    suppress,
    tag,
    tags_of,
)
from subscribers import Reason as Why
from subscribers.doubles import find_doubles
from subscribers.merged import interview_behind, person_behind, place_behind
from subscribers.merging import CannotMerge

# The races are run on both databases; what is asked here is the same on either.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NEWS, JOBS = NewsletterList(key="newsletter", name="News"), NewsletterList(key="jobs", name="Jobs")


def merged(town: Town, keep: Interview, give_up: Interview) -> MergedSends:
    with town.write() as session:
        people = [session.get_one(Subscriber, each.subscriber_id) for each in (keep, give_up)]
        return merge_people(session, *people, catalog=town.catalog, now=town.now)


def coming(town: Town, interview: Interview) -> list[str]:
    return [line.step for line in town.outlook(interview) if line.kind == "coming"]


def test_anas_two_spellings_become_one_who_gets_each_email_once(town: Town) -> None:
    ana = town.person("ana")
    other = town.person("ana", email="ana+work@example.com", company="Acme")
    town.tick()
    town.at("2026-11-27 12:00").tick()  # "details" has left to both
    assert town.left().count("details") == 2
    done = merged(town, ana, other)
    assert (done.facts.interviews, len(done.facts.doubles)) == (1, 1)
    plan = coming(town, ana)
    assert {"people", "day_before", "morning", "thanks"} <= set(plan)
    assert len(plan) == len(set(plan))
    assert not {"details", "canceled", "moved", "welcome"} & set(plan)
    with town.database.read() as session:
        both = session.scalars(select(Interview).order_by(Interview.id)).all()
        assert both[1].merged_into == both[0].id
        assert both[0].company == "Acme"


def test_what_left_to_the_one_does_not_leave_to_the_other(town: Town) -> None:
    other = town.person("ana", email="ana+work@example.com")
    town.tick()
    town.at("2026-11-27 12:00").tick()
    ana = town.person("ana")
    assert {"welcome", "catchup"} & set(coming(town, ana)), "to her first spelling nothing has left"
    merged(town, ana, other)
    assert not {"details", "welcome"} & set(coming(town, ana))
    assert "day_before" in coming(town, ana)
    town.tick()
    assert [town.left().count(step) for step in ("welcome", "details")] == [1, 1]


def test_another_appointment_goes_on_beside_the_first_without_repeating_advice(town: Town) -> None:
    ana = town.person("ana")
    other = town.person("ana", email="ana@example.org", interview_date="2026-12-11", company="Other")
    done = merged(town, ana, other)
    assert done.facts.doubles == []
    plan = coming(town, ana)
    assert plan.count("details") == 1, "advice within thirty days is a repetition"
    assert plan.count("day_before") == 2


@pytest.mark.parametrize("who", ["keep", "give up"])
def test_a_suppression_of_either_holds(town: Town, who: str) -> None:
    ana, other = town.person("ana"), town.person("ana", email="ana+1@example.com")
    town.unsubscribe(ana if who == "keep" else other)
    done = merged(town, ana, other)
    assert done.facts.suppressions == ([] if who == "keep" else ["unsubscribed"])
    with town.database.read() as session:
        for address in ("ana@example.com", "ana+1@example.com"):
            found = find_suppression(session, address_hmac(address, KEY))
            assert found is not None
            assert found.reason == Why.UNSUBSCRIBED
    assert coming(town, ana) == []


def test_places_tags_and_consents_are_hers_and_who_left_a_list_stays_off_it(town: Town) -> None:
    ana, other = town.person("ana"), town.person("ana", email="ana+1@example.com")
    with town.write() as session:
        people = [session.get_one(Subscriber, each.subscriber_id) for each in (ana, other)]
        for person in people:
            join_list(session, person, NEWS, now=town.now, source="form")
        join_list(session, people[1], JOBS, now=town.now, source="form")
        leave_list(session, people[1], "newsletter", now=town.now)
        tag(session, people[0], ["vip"])
        tag(session, people[1], ["late"])
        old = session.scalars(select(Subscription).where(Subscription.subscriber_id == people[1].id)).all()
        ids = {place.list_key: place.id for place in old}
    merged(town, ana, other)
    with town.database.read() as session:
        own = session.scalars(select(Subscription).where(Subscription.subscriber_id == ana.subscriber_id))
        assert {place.list_key: place.ended_at is None for place in own} == {
            "newsletter": False,
            "jobs": True,
        }
        assert tags_of(session, ana.subscriber_id) == ("late", "vip")
        consents = session.scalars(select(Consent)).all()
        assert {consent.subscriber_id for consent in consents} == {ana.subscriber_id}
        assert {consent.interview_id for consent in consents} == {ana.id, None}
        for key, identity in ids.items():
            place = place_behind(session, identity)
            assert place is not None
            assert (place.subscriber_id, place.list_key) == (ana.subscriber_id, key)


@pytest.mark.parametrize(
    ("keeps", "gives", "left", "waiting"),
    [
        ("planned", "accepted", 1, 0),
        ("accepted", "planned", 1, 0),
        ("planned", "planned", 0, 1),
        ("accepted", "accepted", 2, 0),
        ("", "planned", 0, 1),
        ("", "accepted", 1, 0),
    ],
)
def test_an_issue_of_a_newsletter_leaves_once(
    town: Town, keeps: str, gives: str, left: int, waiting: int
) -> None:
    ana, other = town.person("ana"), town.person("ana", email="ana+1@example.com")
    with town.write() as session:
        issue = NewsletterIssue(list_key="newsletter", slug="one", subject="One", created_at=town.now)
        session.add(issue)
        session.flush()
        for interview, state in ((ana, keeps), (other, gives)):
            if state:
                person = session.get_one(Subscriber, interview.subscriber_id)
                join_list(session, person, NEWS, now=town.now, source="form")
                session.add(of_issue(town, issue.id, interview.subscriber_id, state))
    merged(town, ana, other)
    sends = [send for send in town.sends() if send.issue_id is not None]
    assert sum(send.state == "accepted" for send in sends) == left
    assert [send.subscriber_id for send in sends if send.state == "planned"] == [ana.subscriber_id] * waiting
    assert ana.subscriber_id in {send.subscriber_id for send in sends}


def of_issue(town: Town, issue: int, person: int, state: str) -> Send:
    is_over = state == "accepted"
    return Send(
        issue_id=issue, subscriber_id=person, campaign="newsletter:newsletter", step="issue", state=state,
        reason=Reason.ACCEPTED if is_over else None, reference=f"{person}-{state}", due_at=town.now,
        expires_at=town.now + timedelta(days=1), planned_at=town.now, epoch=0, lane=1,
        ready_at=None if is_over else town.now, left_at=town.now if is_over else None,
        finished_at=town.now if is_over else None,
    )  # fmt: skip


def test_old_links_lead_to_who_is_kept(town: Town) -> None:
    ana, other = town.person("ana"), town.person("ana", email="ana+1@example.com")
    third = town.person("ana", email="ana+2@example.com")
    merged(town, other, third)
    merged(town, ana, other)
    with town.write() as session:
        for number in (other.subscriber_id, third.subscriber_id):
            person = person_behind(session, number)
            assert person is not None
            assert person.id == ana.subscriber_id
        behind = interview_behind(session, third.id)
        assert behind is not None
        assert behind.id == ana.id
        assert confirm(session, session.get_one(Interview, third.id), now=town.now).id == ana.id


def test_events_about_what_left_before_are_heard_and_blame_the_right_mailbox(town: Town) -> None:
    ana, other = town.person("ana"), town.person("ana", email="ana@example.org", interview_date="2026-12-11")
    town.tick()
    (sent,) = town.sends("welcome", subscriber_id=other.subscriber_id)
    merged(town, ana, other)
    event = DeliveryEvent(
        id="e1", type=EventType.BOUNCED, occurred_at=town.now, reference=sent.reference, attempt=1,
        address="ana@example.org", is_permanent=True,
    )  # fmt: skip
    with town.write() as session:
        store(session, [event], source="x", hash_address=lambda a: address_hmac(a, KEY), now=town.now)
        assert hear(session, now=town.now).records == 1
    with town.database.read() as session:
        assert session.get_one(Send, sent.id).state == State.BOUNCED
        assert is_suppressed(session, address_hmac("ana@example.org", KEY))
        assert not is_suppressed(session, address_hmac("ana@example.com", KEY)), "that mailbox works"


def test_only_somebody_who_said_yes_is_kept(town: Town) -> None:
    ana, other = town.person("ana"), town.stranger("ana", email="ana+1@example.com")
    with pytest.raises(CannotMerge, match="has not confirmed"):
        merged(town, other, ana)
    with pytest.raises(CannotMerge, match="one already"):
        merged(town, ana, ana)
    merged(town, ana, other)
    with pytest.raises(CannotMerge, match="erased or merged"):
        merged(town, ana, other)
    assert town.send("confirm").reason in (Reason.DUPLICATE_ADVICE, Reason.CANCELED, Reason.CONDITION_FALSE)


def test_a_suppression_that_came_before_anybody_is_no_reason_to_write(town: Town) -> None:
    ana, other = town.person("ana"), town.person("ana", email="ana+1@example.com")
    with town.write() as session:
        suppress(session, address_hmac("ana+1@example.com", KEY), Why.COMPLAINED, now=town.now)
    merged(town, ana, other)
    assert coming(town, ana) == []


def test_candidates_are_spellings_and_the_same_name_with_the_same_interview(town: Town) -> None:
    town.stranger("ana", email="ana+pending@example.com")
    ana = town.person("ana", company="Acme")
    same = town.person("ana", email="private@example.org", company="ACME")
    town.person("kiri", company="Acme")
    town.person("ana", email="x@example.org", interview_date="2026-12-05", company="Acme")
    with town.database.read() as session:
        found = [(pair.keep.id, pair.why) for pair in find_doubles(session)]
        assert found == [(ana.subscriber_id, "one mailbox"), (ana.subscriber_id, "same name and interview")]
        assert [pair.give_up.id for pair in find_doubles(session)][1] == same.subscriber_id
        assert len(list(find_doubles(session, most=1))) == 1


def test_a_merge_knows_every_table_that_speaks_of_a_person(database_url: str) -> None:
    speaking = {
        table.name
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "subscriber"
    }
    assert speaking == {
        "interview", "consent", "email_pause", "enrollment", "send", "subscription", "subscriber_tag",
        "subscriber_history",
    }, "a new table must be handed over in subscribers/merging.py and forgotten in own_data.py"  # fmt: skip
