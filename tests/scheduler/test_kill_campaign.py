"""Hundreds of kills of real workers under a healthy feed: every email once, by the provider's own log.

    RUNUP_KILLS=3000 pytest tests/scheduler/test_kill_campaign.py

is the long form of the same code. One worker at a time on SQLite, four on PostgreSQL; SIGKILL at named points
and anywhere, SIGSTOP beyond the lease, connections that the server ends; with the send journal and without.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from killing import Doom
from rampage import Rampage, unfinished
from sendgrid_events import Signer, Webhook
from sendgrid_fake import SendGridFake
from serving_site import serving
from shared_clock import SharedClock
from town import KEY, MONDAY, Town

from runup.application import Application
from runup.settings import Settings
from scheduler import State
from subscribers import Links

KILLS = int(os.environ.get("RUNUP_KILLS", "300"))
"""In all. The long form: RUNUP_KILLS=3000."""
EACH = KILLS // 4


@pytest.fixture(scope="session")
def doom() -> Iterator[Doom]:
    made = Doom()
    yield made
    made.close()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[SharedClock]:
    made = SharedClock(tmp_path / "clock", start=MONDAY)
    yield made
    made.close()


@pytest.fixture
def rampage(
    posting_town: Town, doom: Doom, sendgrid: SendGridFake, clock: SharedClock, tmp_path: Path
) -> Iterator[Rampage]:
    """Two hundredths of a second a call: long enough to be killed in."""
    signer = Signer()
    site = Application(
        settings=Settings(home=tmp_path, sendgrid_webhook_keys=(signer.shown,)),
        database=posting_town.database,
        links=Links(["the tests' own secret"], "https://runup.example.com"),
        hmac_key=KEY,
        brand=posting_town.catalog.brand,
        catalog=posting_town.catalog,
        clock=clock,
    )
    sendgrid.latency = 0.02
    url = posting_town.database.engine.url
    if not posting_town.database.is_sqlite:
        url = url.update_query_dict({"application_name": "doomed"})
    with serving(site) as address:
        yield Rampage(
            town=posting_town,
            doom=doom,
            sendgrid=sendgrid,
            webhook=Webhook(sendgrid.accepted, address, signer=signer, clock=clock.seconds),
            clock=clock,
            dice=random.Random(3),
            workers=1 if posting_town.database.is_sqlite else 4,
            rest={"database": url.render_as_string(hide_password=False)},
        )


@pytest.mark.timeout(60 + EACH * 4)
@pytest.mark.parametrize("journal", ["with a journal", "without one"])
def test_killed_again_and_again_every_email_arrives_once(
    rampage: Rampage, journal: str, tmp_path: Path
) -> None:
    if journal == "with a journal":
        rampage.rest["journal"] = str(tmp_path / "journal")
    rampage.begin()
    while rampage.harm["killed"] < EACH:
        rampage.strike()
        if rampage.harm["killed"] % 25 == 0:
            rampage.check_the_file()
    rampage.settle()
    rampage.check_the_file()
    print(rampage.figures())  # noqa: T201 - the long form's figures
    verdict = rampage.verdict()
    assert (verdict.doubled, verdict.lost, rampage.broken_rules()) == ({}, [], [])
    states = rampage.welcomes()
    assert not unfinished(states)
    # Three deaths in a row over one email, and it counts as poison, innocent or not.
    assert states[State.DEAD] <= max(states.total() // 25, 1)
    # Two deaths in the middle of its calls, and nothing but certainty would bring it back: here nearly every
    # email is struck once, and one in thirty twice.
    assert states[State.UNKNOWN] <= max(states.total() // 8, 2)
    assert all(send.resends == 1 for send in rampage.town.sends(state=State.UNKNOWN))
    assert rampage.figures()["tried again"] > 0


def test_the_harness_finds_the_second_copies_of_a_job_queue(rampage: Rampage) -> None:
    """An expired lease simply goes back and nobody listens to events: the same campaign counts the copies."""
    rampage.rest["broken"], rampage.hears = True, False
    rampage.begin()
    for _ in range(25):
        rampage.strike()
    rampage.settle()
    doubled = rampage.verdict().doubled
    print(len(doubled), "doubled of", len(rampage.town.sends("welcome")))  # noqa: T201
    assert doubled
