"""The report's numbers agree with the rows: counted once more here, one row at a time."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from many_sends import BEGAN, SEQUENCE, STEPS, fill
from sqlalchemy import select

from campaigns import Catalog
from campaigns.newsletter import NewsletterIssue
from runup.database import Database
from runup.reports import Period, Report, report
from runup.reports.period import Span, spans
from scheduler import Send
from scheduler.reaction import Reaction
from subscribers import Interview, Suppression
from subscribers.lists import Subscription

CATALOG = Catalog()
LATER = BEGAN + timedelta(days=300)
GROUPS = {
    "to_come": {"planned", "claimed", "retry_wait"},
    "in_doubt": {"sending", "in_doubt"},
    "unfinished": {"accepted", "processed", "deferred"},
    "delivered": {"delivered"},
    "bounced": {"bounced"},
    "dropped": {"dropped"},
    "unknown": {"unknown"},
}
LEFT = ("unfinished", "delivered", "bounced", "dropped")


def counted(database: Database, period: Period, campaign: str = "") -> Report:
    with database.read() as session:
        return report(session, period=period, catalog=CATALOG, campaign=campaign, now=LATER)


def rows_of(database: Database, kind: type) -> list:
    with database.read() as session:
        return list(session.scalars(select(kind)))


def holds(period: Period, moment: datetime | None) -> bool:
    return moment is not None and moment < period.until and (period.since is None or moment >= period.since)


def by_hand(sends: list[Send], period: Period) -> dict[str, Counter[str]]:
    """Step by step, each send put into its group."""
    found: dict[str, Counter[str]] = {}
    for send in sends:
        if holds(period, send.due_at or send.finished_at):
            group = next((name for name, states in GROUPS.items() if send.state in states), "left_out")
            found.setdefault(send.step, Counter())[group] += 1
    return found


def delay(send: Send) -> float:
    """Seconds, rounded down as the report says."""
    assert send.left_at
    assert send.due_at
    assert send.finished_at
    call = min(max(send.finished_at - send.left_at, timedelta()), timedelta(seconds=20))
    late = (send.left_at - send.due_at + call) // timedelta(milliseconds=1)
    size = next(
        (size for below, size in ((60_000, 100), (3_600_000, 1_000), (86_400_000, 60_000)) if late < below),
        3_600_000,
    )
    return late // size * size / 1000


days = st.dates(date(2026, 8, 25), date(2026, 12, 20))


@given(one=days, other=days)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_days_are_counted_as_one_counts_row_by_row(filled: Database, one: date, other: date) -> None:
    period = Period.of_days(min(one, other), max(one, other), now=LATER)
    found = counted(filled, period)
    expected = by_hand(rows_of(filled, Send), period)
    assert {line.step for line in found.lines if line.fate.planned} == set(expected)
    for line in found.lines:
        shown = {name: getattr(line.fate, name) for name in GROUPS} | {"left_out": line.fate.left_out}
        assert +Counter(shown) == expected.get(line.step, Counter())
        assert line.fate.planned == sum(shown.values())
        assert sum(line.left_over_time) == line.fate.left
    total = sum(expected.values(), Counter())
    assert found.total.fate.planned == total.total()
    assert sum(moment.fate.planned for moment in found.moments) == total.total()


@given(one=days, other=days)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_people_are_counted_as_one_counts_row_by_row(filled: Database, one: date, other: date) -> None:
    period = Period.of_days(min(one, other), max(one, other), now=LATER)
    acts = counted(filled, period).acts
    interviews = rows_of(filled, Interview)
    assert acts.signed_up == sum(holds(period, interview.created_at) for interview in interviews)
    assert acts.confirmed == sum(holds(period, interview.confirmed_at) for interview in interviews)
    told = Counter(i.outcome for i in interviews if holds(period, i.outcome_at))
    assert acts.outcomes == told
    assert acts.unsubscribed == sum(holds(period, gone.created_at) for gone in rows_of(filled, Suppression))
    assert acts.complained == sum(holds(period, said.at) for said in rows_of(filled, Reaction))


def test_lateness_is_that_of_the_nearest_rank(filled: Database) -> None:
    found = counted(filled, Period(None, LATER))
    for line in found.lines:
        late = sorted(
            delay(send) for send in rows_of(filled, Send) if send.step == line.step and send.left_at
        )
        assert line.lateness.emails == len(late)
        assert line.lateness.median == late[math.ceil(len(late) * 0.5) - 1]
        assert line.lateness.p95 == late[math.ceil(len(late) * 0.95) - 1]
        assert line.lateness.p99 == late[math.ceil(len(late) * 0.99) - 1]
    everything = sorted(delay(send) for send in rows_of(filled, Send) if send.left_at)
    assert found.total.lateness.p99 == everything[math.ceil(len(everything) * 0.99) - 1]
    assert found.total.lateness.worst is not None
    assert math.floor(found.total.lateness.worst / 60) == everything[-1] // 60


def test_an_answer_that_came_days_later_says_nothing_about_lateness(database: Database) -> None:
    with database.write() as session:
        fill(session, people=1, sends_each=1)
        send = session.scalars(select(Send)).one()
        due = BEGAN + timedelta(days=1)
        send.state, send.reason, send.due_at, send.left_at = "delivered", "accepted", due, due
        send.finished_at = due + timedelta(days=2)
    found = counted(database, Period(None, LATER))
    assert (found.total.lateness.median, found.total.lateness.worst) == (20.0, 20.0)


def test_both_databases_count_alike(postgresql_url: str, filled: Database) -> None:
    other = Database(postgresql_url)
    with other.write() as session:
        fill(session, people=60, sends_each=15, days=70)
    for period in (Period(None, LATER), Period.of_days(date(2026, 10, 1), date(2026, 10, 9), now=LATER)):
        assert counted(other, period) == counted(filled, period)
    other.close()


def test_a_goodbye_belongs_to_the_email_before_it(filled: Database) -> None:
    found = counted(filled, Period(None, LATER))
    sends = [send for send in rows_of(filled, Send) if send.left_at]
    expected: Counter[str] = Counter()
    for gone in rows_of(filled, Suppression):
        mine = [
            s for s in sends if s.subscriber_id == int(gone.address_hmac, 16) and s.left_at <= gone.created_at
        ]
        if mine:
            expected[max(mine, key=lambda send: send.left_at).step] += 1
    assert {line.step: line.unsubscribed for line in found.lines if line.unsubscribed} == expected


def test_steps_stand_in_the_order_of_the_timetable(filled: Database) -> None:
    found = counted(filled, Period(None, LATER), SEQUENCE)
    assert [line.step for line in found.lines] == STEPS[:15]
    assert found.lines[0].title


def test_of_another_campaign_there_is_nothing(filled: Database) -> None:
    found = counted(filled, Period(None, LATER), "exam")
    assert (found.lines, found.total.fate.planned, found.acts.signed_up) == ([], 0, 0)


def test_an_empty_database_has_an_empty_report(database: Database) -> None:
    found = counted(database, Period(None, LATER))
    assert (found.lines, found.moments, found.total.lateness.emails, found.later) == ([], [], 0, 0)


@pytest.mark.parametrize(
    ("first", "last", "span", "how_many"),
    [
        (date(2026, 9, 1), date(2026, 10, 31), Span.DAY, 61),
        (date(2026, 9, 1), date(2027, 8, 31), Span.WEEK, 53),
        (date(2024, 1, 31), date(2027, 1, 1), Span.MONTH, 37),
    ],
)
def test_a_long_time_is_drawn_in_longer_spans(first: date, last: date, span: Span, how_many: int) -> None:
    found = spans(span, first, last)
    assert len(found) == how_many
    assert found[0] <= first
    assert found[-1] <= last
    assert len(set(found)) == how_many


def test_until_is_the_end_of_that_day_in_utc() -> None:
    period = Period.of_days(date(2026, 12, 4), date(2026, 12, 4), now=LATER)
    assert period.since == datetime.combine(date(2026, 12, 4), time(), UTC)
    assert period.until - period.since == timedelta(days=1)


def test_each_issue_of_a_newsletter_is_a_line_of_its_own(database: Database) -> None:
    with database.write() as session:
        fill(session, people=8, sends_each=1)
        for slug in ("november", "december"):
            session.add(
                NewsletterIssue(list_key="monthly", slug=slug, subject=slug.title(), created_at=BEGAN)
            )
        session.flush()
        issues = list(session.scalars(select(NewsletterIssue).order_by(NewsletterIssue.id)))
        for number in range(1, 6):
            confirmed = BEGAN + timedelta(days=number) if number > 1 else None
            ended = BEGAN + timedelta(days=9) if number < 4 else None
            session.add(
                Subscription(
                    subscriber_id=number, list_key="monthly", subscribed_at=BEGAN, confirmed_at=confirmed,
                    ended_at=ended,
                )
            )  # fmt: skip
        for number, send in enumerate(session.scalars(select(Send).order_by(Send.id)).all()[:5]):
            send.enrollment_id, send.issue_id = None, issues[number % 2].id
            send.campaign, send.step = "newsletter", "issue"
    found = counted(database, Period(None, LATER))
    assert [(line.campaign, line.step, line.title, line.fate.planned) for line in found.lines] == [
        ("monthly", "november", "November", 3),
        ("monthly", "december", "December", 2),
        (SEQUENCE, "confirm", found.lines[2].title, 3),
    ]
    monthly = counted(database, Period(None, LATER), "monthly")
    assert (monthly.total.fate.planned, len(monthly.lines)) == (5, 2)
    assert (monthly.acts.joined, monthly.acts.stopped, monthly.acts.signed_up) == (4, 2, 0)
    assert counted(database, Period(None, LATER), SEQUENCE).acts.joined == 0
    assert counted(database, Period(None, LATER), SEQUENCE).total.fate.planned == 3
    assert counted(database, Period(None, LATER), "newsletter").lines == []
