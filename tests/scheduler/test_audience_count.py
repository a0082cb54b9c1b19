"""How many an issue reaches: everybody on the list is counted, once, and told why they get it or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from databases import database
from sqlalchemy.orm import Session
from town import KEY, MONDAY, SEQUENCE, Town

from campaigns.audience import Audience
from campaigns.audience_facts import read_facts
from scheduler import audience_count
from scheduler.audience_count import AudienceCount, count_audience
from subscribers import (
    Interview,
    Reason,
    Subscriber,
    Subscription,
    address_hmac,
    cancel,
    pause_emails,
    suppress,
    tag,
    tell_outcome,
)
from subscribers.interview import Outcome

__all__ = ["database"]
WEEKLY = "weekly"


@pytest.fixture
def readers(town: Town) -> Town:
    """Ana has an interview by video on 4 December, Zoe had one that ended with an offer, Max canceled his.

    Kiri, tagged vip, and Sam have none. Kiri is on another list too, Ida only on that one, and Lou has left.
    """
    town.person("ana")
    zoe = town.person("zoe", interview_date="2026-11-20", mode="onsite")
    canceled = town.person("max")
    with town.write() as session:
        cancel(session, session.get_one(Interview, canceled.id), now=town.now)
        tell_outcome(session, session.get_one(Interview, zoe.id), Outcome.OFFER, now=town.now)
        for name, zone in (
            ("kiri", "Pacific/Kiritimati"),
            ("sam", "America/St_Johns"),
            ("ida", "UTC"),
            ("lou", "UTC"),
        ):
            session.add(
                Subscriber(
                    address=f"{name}@example.com",
                    address_hmac=address_hmac(f"{name}@example.com", KEY),
                    home_zone=zone,
                    locale="de_AT" if name == "sam" else "en",
                    created_at=town.now,
                    confirmed_at=town.now - timedelta(days=30),
                )
            )
        session.flush()
        for name in ("ana", "zoe", "max", "kiri", "sam", "lou"):
            join(session, name, WEEKLY, left=name == "lou")
        join(session, "kiri", "jobs")
        join(session, "ida", "jobs")
        tag(session, who(session, "kiri"), ["vip"])
    return town


def who(session: Session, name: str) -> Subscriber:
    found = session.query(Subscriber).filter_by(address_hmac=address_hmac(f"{name}@example.com", KEY)).one()
    assert isinstance(found, Subscriber)
    return found


def join(session: Session, name: str, key: str, *, left: bool = False) -> None:
    since = MONDAY - timedelta(days=10)
    place = Subscription(
        subscriber_id=who(session, name).id, list_key=key, subscribed_at=since, confirmed_at=since
    )
    place.ended_at = MONDAY if left else None
    session.add(place)


def count(town: Town, source: str = "", **options: Any) -> AudienceCount:
    with town.database.read() as session:
        audience = Audience.parse(source, lists=[WEEKLY, "jobs"])
        return count_audience(session, WEEKLY, audience, now=town.now, **options)


FILTERS = [
    ("", 5),
    ("has_upcoming", 1),
    ("interview and interview.mode == 'video' and interview.days_left == 11", 1),
    ("interview and interview.is_past and interview.outcome == 'offer'", 1),
    ("not interview", 3),
    ("interviews|length == 0", 3),
    ("'vip' in subscriber.tags", 1),
    ("'jobs' in lists", 1),
    ("subscriber.language == 'de'", 1),
    ("subscriber.home_zone == 'Pacific/Kiritimati'", 1),
    ("days_on_list == 10", 5),
    ("subscriber.days_known == 30", 2),
    ("subscriber.first_name == ''", 2),
]


def test_a_filter_asks_the_facts_of_each_reader(readers: Town) -> None:
    for source, receives in FILTERS:
        found = count(readers, source)
        assert (found.on_list, found.receives, found.not_admitted) == (5, receives, 5 - receives), source


def test_nobody_is_left_out_unsaid(readers: Town) -> None:
    """Elsewhere: audience 5,040, sent 5, nothing said."""
    with readers.write() as session:
        suppress(session, address_hmac("sam@example.com", KEY), Reason.BOUNCED, now=readers.now)
        suppress(
            session, address_hmac("kiri@example.com", KEY), Reason.UNSUBSCRIBED, now=readers.now, scope=WEEKLY
        )
        suppress(
            session, address_hmac("ana@example.com", KEY), Reason.COMPLAINED, now=readers.now, scope="jobs"
        )
        suppress(session, address_hmac("max@example.com", KEY), Reason.BY_OPERATOR, now=readers.now)
        pause_emails(session, who(session, "zoe"), until_on=None, now=readers.now)
    found = count(readers, "subscriber.first_name != 'Max'")  # Ana is held: her welcome has not left yet
    assert found == AudienceCount(
        on_list=5,
        receives=1,
        held=1,
        not_admitted=1,
        suppressed={"bounced": 1, "unsubscribed": 1, "paused": 1},
    )
    assert found.on_list == found.receives + found.not_admitted + sum(found.suppressed.values())


def test_a_filter_without_an_answer_for_somebody_is_said_and_no_no(readers: Town) -> None:
    # It has one for every sample reader, whose first interview has no outcome or ended with an offer.
    source = "interview and 6 // (interview.days_left - 11) < 9"
    found = count(readers, source)
    assert (found.on_list, found.unanswerable, found.receives + found.not_admitted) == (5, 1, 4)
    assert "ZeroDivisionError" in found.failure


def test_readers_are_counted_a_batch_at_a_time(readers: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience_count, "BATCH", 2)
    heard: list[int] = []
    assert count(readers, "not interview", counted=heard.append).receives == 3
    assert heard == [2, 2, 1]


def test_facts_that_a_filter_does_not_ask_for_are_not_read(readers: Town) -> None:
    with readers.database.read() as session:
        ana = who(session, "ana").id
        audience = Audience.parse("days_on_list > 3")
        facts = read_facts(session, audience, WEEKLY, [ana], now=readers.now)[ana]
    assert (facts.interview, facts.interviews, facts.subscriber.tags) == (None, (), ())
    assert (facts.lists, facts.days_on_list) == ((WEEKLY,), 10)


def test_an_interview_of_the_sequence_counts_whatever_its_campaign(readers: Town) -> None:
    with readers.database.read() as session:
        assert session.query(Interview.campaign).distinct().all() == [(SEQUENCE,)]
        zoe = who(session, "zoe").id
        audience = Audience.parse("interviews")
        (one,) = read_facts(session, audience, WEEKLY, [zoe], now=readers.now)[zoe].interviews
    assert (one.mode, one.days_left, one.is_past) == ("onsite", -3, True)
