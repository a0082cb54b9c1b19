"""Somebody whose address a stranger types in, over and over, from everywhere."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

import pytest

from delivery.inbox import read_outbox
from subscribers import Purpose

NETWORKS = int(os.environ.get("RUNUP_NETWORKS", "150"))
"""The long form: 1000."""
VICTIM = {"interview_date": "2027-03-19", "home_zone": "Europe/Berlin", "consent": True}
AT_MOST = ((timedelta(minutes=10), 1), (timedelta(days=1), 3), (timedelta(days=30), 5))

pytestmark = pytest.mark.timeout(120 + NETWORKS)


@pytest.fixture
def application(open_application):
    return open_application(trusted_proxies=("127.0.0.1",))


@pytest.fixture
def worker(application):
    worker = application.worker()
    yield worker
    worker.close()


def attack(visitor, worker, clock) -> list[datetime]:
    """When emails came of one sign-up from each of `NETWORKS` networks: by threes, five minutes apart, every
    few hours for more than a month."""
    every = timedelta(days=33) / (NETWORKS // 3)
    for number in range(NETWORKS):
        answer = visitor.http.post(
            "/api/sign-ups",
            json=VICTIM | {"email": "victim@example.com"},
            headers={"X-Forwarded-For": f"2001:db8:0:{number:x}::1"},
        )
        assert (answer.status_code, answer.json()["status"]) == (202, "check_your_inbox")
        clock.now += every - timedelta(minutes=10) if number % 3 == 2 else timedelta(minutes=5)
        worker.tick()
    return sorted(email.date for email in read_outbox(visitor.application.settings.outbox_folder))


def most_within(moments: list[datetime], span: timedelta) -> int:
    return max(sum(1 for other in moments if at <= other < at + span) for at in moments)


def test_from_every_network_of_the_world_come_at_most_five_emails_in_thirty_days(visitor, worker, clock):
    moments = attack(visitor, worker, clock)
    assert {span: most_within(moments, span) <= most for span, most in AT_MOST} == dict.fromkeys(
        [span for span, _ in AT_MOST], True
    ), moments
    assert 5 <= len(moments) <= 10
    assert all(interview.confirmed_at is None for interview in visitor.interviews())
    # And the victim, who may want to come after all, can.
    clock.forward(days=30)
    assert visitor.sign_up(email="victim@example.com", interview_date="2027-03-19").status_code == 303
    interview = visitor.interviews()[-1]
    assert visitor.send(visitor.path(Purpose.CONFIRM, interview.id), {}).status_code == 303


def test_spellings_of_one_mailbox_are_counted_together_whatever_network_they_come_from(visitor, clock):
    """Five in an hour and ten in a day are written down; the rest gets the same answer and is forgotten."""
    for number in range(100):
        answer = visitor.http.post(
            "/api/sign-ups",
            json=VICTIM | {"email": f"v.ictim+{number}@gmail.com"},
            headers={"X-Forwarded-For": f"2001:db8:0:{number:x}::1"},
        )
        assert (answer.status_code, answer.json()["status"]) == (202, "check_your_inbox")
        clock.forward(minutes=14)
    assert len(visitor.interviews()) == 10
