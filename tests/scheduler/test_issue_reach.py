"""What was counted before is what became of the issue: nobody is left out unsaid."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from letters import WEEKLY, how_far, issue_sends, join, reader, scheduled, why
from town import KEY, Town

from campaigns.audience import Audience
from delivery.inbox import read_outbox
from scheduler.audience_count import AudienceCount, count_audience
from subscribers import Reason, Subscriber, address_hmac, pause_emails, suppress

# Without an answer for whoever's name has seven letters, and for no sample reader: their names are shorter.
ODD = "subscriber.first_name != 'Ida' and 6 // (subscriber.first_name|length - 7) < 9"


def count(town: Town, audience: str) -> AudienceCount:
    with town.database.read() as session:
        return count_audience(session, WEEKLY.key, Audience.parse(audience), now=town.now)


def test_an_audience_is_what_was_sent_or_the_reason_why_not(town: Town, outbox: Path) -> None:
    """Elsewhere: audience 5,040, sent 5, nothing said."""
    ana, _, kiri, sam, quentin = (reader(town, name) for name in ("ana", "ida", "kiri", "sam", "quentin"))
    max_ = town.person("max", interview_date="2026-11-24", interview_time="15:00").subscriber_id
    join(town, max_)
    with town.write() as session:
        suppress(session, address_hmac("sam@example.com", KEY), Reason.BOUNCED, now=town.now)
        pause_emails(session, session.get_one(Subscriber, kiri), until_on=None, now=town.now)
        for one in (kiri, sam):
            town.reconcile(session, one)
    counted = count(town, ODD)
    assert counted == AudienceCount(
        on_list=6,
        receives=2,
        held=1,
        not_admitted=1,
        suppressed={"bounced": 1, "paused": 1},
        unanswerable=1,
        failure=counted.failure,
    )

    issue = scheduled(town, audience=ODD, at=town.now, expires_after=timedelta(days=3))
    town.tick()
    assert why(town, max_)[0] == "planned", "the eve of his interview goes first"
    town.tick_until("2026-11-26T12:00")
    told = how_far(town, issue)
    assert told.arrived == counted.receives
    assert sum(told.left_out.values()) == counted.unanswerable + sum(counted.suppressed.values())
    assert told.readers + counted.not_admitted == counted.on_list
    assert issue_sends(town) == counted.on_list - counted.not_admitted
    assert {why(town, one) for one in (ana, max_)} == {("accepted", "accepted")}
    assert why(town, sam) == ("suppressed", "suppressed_bounce")
    assert why(town, kiri) == ("expired", "paused_by_subscriber")
    assert why(town, quentin) == ("dead", "render_error"), "no answer is never a no"
    got = [email.recipient for email in read_outbox(outbox) if email.subject == "One thing to try"]
    assert sorted(got) == ["ana@example.com", "max@example.com"]
