"""What may or may not have left: settled by evidence, ended by patience, never simply sent again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sendgrid_fake import SendGridFake
from sendgrid_faults import RST_AFTER_BODY
from sqlalchemy import select
from town import Town

from campaigns.reasons import Reason
from delivery import Accepted, Email, OutboxConfig, Provider, copies, open_provider
from scheduler import Attempt, State
from scheduler.claiming import LEASE
from scheduler.doubt import PATIENCE, deadline


class Vanished(BaseException):
    """The process is gone: nobody answers for it."""


class DiesBefore:
    """The worker's end between the intent and the call."""

    name = "outbox"

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def deliver(self, email: Email) -> Accepted:
        raise Vanished

    def close(self) -> None:
        """The provider is the town's."""


class DiesAfter(DiesBefore):
    """The worker's end between the provider's yes and the record of it."""

    def deliver(self, email: Email) -> Accepted:
        self.provider.deliver(email)
        raise Vanished


def killed(town: Town, way: type[DiesBefore]) -> None:
    with pytest.raises(Vanished):
        town.worker(provider=way(town.provider)).tick()
    town.workers.clear()  # the dead close nothing


def test_the_outbox_proves_that_it_never_came_and_it_goes_again(town: Town, outbox: Path) -> None:
    town.ana()
    killed(town, DiesBefore)
    assert town.send("welcome").state == State.SENDING
    assert town.later(seconds=59).tick().accepted == 0, "its lease has not ended"
    assert town.later(seconds=2).tick().accepted == 1
    assert list(copies(outbox)) == [(town.send("welcome").reference, 2)]


def test_the_outbox_proves_that_it_has_it_and_nothing_goes_again(town: Town, outbox: Path) -> None:
    town.ana()
    killed(town, DiesAfter)
    assert town.now < town.now + LEASE
    town.later(seconds=61).tick()
    welcome = town.send("welcome")
    assert (welcome.state, welcome.reason) == (State.ACCEPTED, Reason.ACCEPTED)
    assert copies(outbox) == {(welcome.reference, 1): 1}
    with town.database.read() as session:
        assert session.scalars(select(Attempt)).one().kind == "ok"


def test_an_email_that_somebody_has_read_counts_as_well(town: Town, outbox: Path) -> None:
    town.ana()
    killed(town, DiesAfter)
    (file,) = (outbox / "new").iterdir()
    file.rename(outbox / "cur" / f"{file.name}:2,S")
    town.later(seconds=61).tick()
    assert town.send("welcome").state == State.ACCEPTED


def test_a_disk_that_is_away_proves_nothing(town: Town, outbox: Path, tmp_path: Path) -> None:
    provider = open_provider(OutboxConfig(folder=outbox))
    outbox.rename(tmp_path / "away")
    assert provider.was_accepted("anything", 1) is None  # type: ignore[attr-defined]


def test_behind_an_allow_list_the_outbox_still_testifies(town: Town, outbox: Path) -> None:
    provider = open_provider(OutboxConfig(folder=outbox), allow_list=("example.com",))
    town.ana()
    killed(town, DiesAfter)
    town.later(seconds=61).tick(provider=provider)
    assert town.send("welcome").state == State.ACCEPTED
    assert sum(copies(outbox).values()) == 1


def test_without_evidence_it_waits_six_hours_and_ends_as_unknown(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    posting_town.ana()
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.tick()
    intended = posting_town.now
    welcome = posting_town.send("welcome")
    assert deadline(welcome) == intended + PATIENCE
    posting_town.now = intended + PATIENCE - timedelta(seconds=1)
    posting_town.tick()
    assert posting_town.send("welcome").state == State.IN_DOUBT
    posting_town.later(seconds=1).tick()
    welcome = posting_town.send("welcome")
    assert (welcome.state, welcome.reason) == (State.UNKNOWN, Reason.UNKNOWN)
    assert welcome.left_at == intended, "it may have left: the next one keeps its distance"
    assert len(sendgrid.accepted) == 1


def test_its_end_comes_before_the_send_expires(posting_town: Town, sendgrid: SendGridFake) -> None:
    posting_town.at("2026-12-03 20:00").ana(interview_date="2026-12-04", interview_time="09:00")
    posting_town.at("2026-12-04 07:10")
    sendgrid.choose_fault = lambda: RST_AFTER_BODY
    posting_town.tick()
    doubtful = posting_town.sends(state=State.IN_DOUBT)
    assert doubtful
    for send in doubtful:
        assert send.expires_at
        assert deadline(send) <= max(
            send.expires_at - timedelta(minutes=5), send.intent_at or send.expires_at
        )


def test_she_sees_that_one_is_in_doubt(posting_town: Town, sendgrid: SendGridFake) -> None:
    ana = posting_town.ana()
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.tick()
    line = next(line for line in posting_town.outlook(ana) if line.step == "welcome")
    assert (line.kind, line.state) == ("in_doubt", State.IN_DOUBT)


def test_a_moved_date_leaves_the_doubt_alone_and_plans_around_it(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    ana = posting_town.ana()
    posting_town.tick()
    posting_town.at("2026-11-27 09:30")
    sendgrid.fail_next(RST_AFTER_BODY)
    posting_town.tick()
    posting_town.later(minutes=5).move(ana, "2026-12-18")
    assert [send.state for send in posting_town.sends("details")] == [State.IN_DOUBT]
    posting_town.later(hours=6).tick()
    assert [send.state for send in posting_town.sends("details")] == [State.UNKNOWN]
