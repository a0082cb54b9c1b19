"""When the feed is asked."""

from __future__ import annotations

from sendgrid_fake import SendGridFake
from sendgrid_faults import Fault, How
from town import Town

from scheduler import State


def test_new_doubts_do_not_keep_the_old_ones_from_being_asked_about(
    posting_town: Town, sendgrid: SendGridFake
) -> None:
    """A doubt every ten minutes: the newest is never old enough to be asked about."""
    worker = posting_town.worker(canary_address="ops@runup.example.com")
    for name in ("ana", "kiri"):
        posting_town.person(name)
        sendgrid.fail_next(Fault(how=How.RESET))
        worker.tick()
        posting_town.later(minutes=10)
    worker.tick()
    assert len(posting_town.sends(state=State.IN_DOUBT)) == 2
    assert [accept.to for accept in sendgrid.accepted] == ["ops@runup.example.com"]
