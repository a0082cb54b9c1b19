"""The fault matrix, where the feed is at fault: a real site hears what SendGrid tells, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sendgrid_events import Event, Signer, Webhook, body_of, build, duplicated, post, renamed, story
from sendgrid_fake import SendGridFake
from sendgrid_faults import Fault, How
from serving_site import serving
from town import KEY, Town

from delivery.records import counts
from runup.application import Application
from runup.settings import Settings
from scheduler import State
from subscribers import Links

SIGNER = Signer()


@pytest.fixture
def address(posting_town: Town, tmp_path: Path) -> Iterator[str]:
    """A running site on the town's database."""
    site = Application(
        settings=Settings(home=tmp_path, sendgrid_webhook_keys=(SIGNER.shown,)),
        database=posting_town.database,
        links=Links(["the tests' own secret"], "https://runup.example.com"),
        hmac_key=KEY,
        brand=posting_town.catalog.brand,
        catalog=posting_town.catalog,
        clock=lambda: posting_town.now,
    )
    with serving(site) as found:
        yield found


@pytest.fixture
def webhook(posting_town: Town, sendgrid: SendGridFake, address: str) -> Webhook:
    return Webhook(sendgrid.accepted, address, signer=SIGNER, clock=lambda: posting_town.now.timestamp())


def counted(town: Town) -> dict[str, int]:
    with town.database.read() as session:
        return {found.what: found.total for found in counts(session)}


def test_events_46_times_reversed_a_day_late_and_under_other_ids(
    posting_town: Town, webhook: Webhook, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    posting_town.tick()
    posting_town.later(hours=24)
    assert webhook.tell("processed", "deferred", "delivered", change=lambda told: told[::-1])
    posting_town.tick()
    before, row = counted(posting_town), posting_town.send("welcome")
    assert (row.state, before) == (State.DELIVERED, {"event": 3})
    told = story(sendgrid.accepted[0], "processed", "deferred", "delivered", at=posting_town.now.timestamp())
    assert webhook.tell(change=lambda _: duplicated(told[::-1] + told, 23) + renamed(told))
    posting_town.tick()
    after = posting_town.send("welcome")
    assert (after.state, after.finished_at, after.left_at) == (row.state, row.finished_at, row.left_at)
    assert "doubled" not in counted(posting_town)


def test_one_malformed_event_in_a_batch_of_a_thousand(
    posting_town: Town, webhook: Webhook, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    posting_town.tick()
    (taken,) = sendgrid.accepted
    at = posting_town.now.timestamp()
    events: list[Event] = [build("open", taken, at=at + number) for number in range(1000)]
    events[500] = events[500] | {"timestamp": "soon"}
    assert webhook.tell(change=lambda _: events)
    posting_town.tick()
    assert posting_town.send("welcome").state == State.DELIVERED
    assert counted(posting_town) == {"event": 999, "malformed": 1}


@pytest.mark.parametrize("hours", [3, 23])
def test_while_the_site_is_down_silence_settles_nothing(
    posting_town: Town, webhook: Webhook, sendgrid: SendGridFake, hours: int
) -> None:
    """Thirty neighbors left, and nothing was heard of anybody; afterwards SendGrid tells all of it."""
    posting_town.ana()
    sendgrid.fail_next(Fault(how=How.RESET, is_accepted=True))
    posting_town.tick()
    doubtful = posting_town.send("welcome")
    posting_town.later(minutes=5).people(30)
    posting_town.tick(concurrency=4)
    posting_town.later(hours=min(hours, 5)).tick()
    assert posting_town.sends(id=doubtful.id)[0].state == State.IN_DOUBT
    posting_town.later(hours=hours - min(hours, 5)).tick()
    assert posting_town.sends(id=doubtful.id)[0].state in (State.IN_DOUBT, State.UNKNOWN)
    assert webhook.tell()
    posting_town.tick()
    assert posting_town.sends(id=doubtful.id)[0].state == State.DELIVERED
    assert sum(accept.mid == doubtful.reference for accept in sendgrid.accepted) == 1


def test_a_flood_without_a_signature_changes_nothing_and_sends_go_on(
    posting_town: Town, address: str, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    body = body_of([{"event": "bounce", "mid": "0" * 32}])
    forged = Signer().headers(body, at=(posting_town.now - timedelta(seconds=1)).timestamp())
    assert {post(address, body, forged) for _ in range(50)} == {403}
    assert posting_town.tick().accepted == 1
    assert len(sendgrid.accepted) == 1
