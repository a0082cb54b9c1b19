"""Dates move, interviews are canceled, outcomes come, people leave: through the page, seen in the mailbox."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from journey import FRIDAY, Town, berlin
from sqlalchemy import select

from campaigns import publish
from campaigns.source_files import CampaignFiles, version_of
from runup.database import Base
from subscribers import Consent, has_newsletter


def test_a_date_moved_later_takes_every_unsent_email_along(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-4, 12))  # details, people and format have left
    ana.change("move", interview_date="2026-12-11")
    town.go_to(berlin(8, 12))
    assert ana.received[5:] == [
        "moved Mon 30 12:00",
        "salary Tue 08 09:00",
        "questions Wed 09 09:00",
        "day_before Thu 10 16:00",
        "morning Fri 11 07:00",
        "thanks Fri 11 17:00",
    ]


def test_a_date_moved_earlier_brings_what_is_missed_in_one_email(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-7, 12))  # only details has left
    ana.change("move", interview_date="2026-11-30")
    assert set(ana.steps[3:]) == {"moved", "catchup"}
    town.go_to(berlin(-3, 0))
    assert ana.received[5:] == [
        "questions Sat 28 09:00",
        "day_before Sun 29 16:00",
        "morning Mon 30 07:00",
        "thanks Mon 30 17:00",
    ]
    assert ana.explain()["people"] == "merged_into_catchup"


def test_no_email_ever_speaks_of_a_date_that_is_no_longer_true(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-1, 15, 59))
    ana.change("move", interview_date="2026-12-18")
    town.go_to(berlin(12, 12))
    for email in ana.emails:
        if email.date > berlin(-1, 15, 58):
            assert "4 December" not in email.text
    assert "day_before Thu 17 16:00" not in ana.received
    assert [r for r in ana.received if r.startswith("day_before")] == []


def test_only_the_start_time_changes_on_the_eve_and_the_checklist_comes_again(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-1, 17))
    ana.change("move", interview_date="2026-12-04", interview_time="16:30")
    town.go_to(berlin(0, 8))
    checklists = [e for e, step in zip(ana.emails, ana.steps, strict=True) if step == "day_before"]
    assert len(checklists) == 2
    assert "16:30" in checklists[1].text
    assert "14:00" not in checklists[1].text


def test_a_canceled_interview_gets_one_short_email_and_no_other(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-4, 12))
    before = len(ana.emails)
    ana.change("cancel")
    town.go_to(berlin(40, 12))
    assert ana.steps[before:] == ["canceled"]
    assert set(ana.explain().values()) == {"canceled"}


def test_canceled_and_on_again(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-4, 12))
    ana.change("cancel")
    town.go_to(berlin(-3, 12))
    ana.change("move", interview_date="2026-12-09")
    town.go_to(berlin(5, 12))
    assert ana.received[-3:] == ["questions Mon 07 09:00", "day_before Tue 08 16:00", "morning Wed 09 07:00"]


def test_an_outcome_told_stops_the_nudges(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(4, 18))
    ana.change("outcome", outcome="rejected")
    town.go_to(berlin(40, 12))
    assert ana.received[-2:] == ["rejected Wed 09 09:30", "farewell Fri 01 10:00"]
    assert ana.explain()["checkin"] == "outcome_known"


def test_an_offer_brings_its_own_email_at_once(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(3, 22, 10))
    ana.change("outcome", outcome="offer")
    assert ana.steps[-1] == "offer"


def test_the_nudge_waits_for_the_day_they_decide(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(1, 9))
    ana.change("decision", decision_on="2026-12-18")  # a Friday: the next workday is Monday
    town.go_to(berlin(20, 12))
    assert ana.received[-1] == "checkin Mon 21 09:30"


def test_two_interviews_of_one_person_share_the_advice_and_keep_their_own_days(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-10, 9))
    ana.join(FRIDAY + timedelta(days=7), company="The other one")
    town.go_to(berlin(9, 12))
    received = ana.received
    for advice in ("details", "people", "format", "salary", "questions"):
        assert sum(r.startswith(advice) for r in received) == 1, advice
    assert [r for r in received if r.startswith("day_before")] == [
        "day_before Thu 03 16:00",
        "day_before Thu 10 16:00",
    ]
    assert [r for r in received if r.startswith("thanks")] == ["thanks Fri 04 17:00", "thanks Fri 11 17:00"]


def test_unsubscribed_on_the_eve_by_one_click_means_nothing_more(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-1, 15, 55))
    before = len(ana.emails)
    headers = dict(ana.emails[-1].headers)
    url = headers["List-Unsubscribe"].strip("<>")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    body = urlencode({"List-Unsubscribe": "One-Click"}).encode()
    with urlopen(Request(url, data=body)) as answer:
        assert answer.status == 200
    town.go_to(berlin(40, 12))
    assert len(ana.emails) == before
    reasons = ana.explain()
    assert reasons.pop("goodbye", "condition_false") == "condition_false"  # nobody asked for one
    assert set(reasons.values()) == {"unsubscribed"}


def test_who_asks_for_a_goodbye_gets_exactly_one(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    link = ana.link("unsubscribe")
    page = ana.visitor.open(link)
    ana.visitor.submit(page, link.rpartition("/")[2], {"goodbye": "yes"})
    town.go_to(berlin(40, 12))
    assert ana.steps == ["confirm", "welcome", "goodbye"]


def test_who_comes_back_is_welcome(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    with urlopen(Request(ana.link("unsubscribe"), data=b"List-Unsubscribe=One-Click")) as answer:
        assert answer.status == 200
    town.go_to(berlin(-9, 12))
    ana.join(FRIDAY)
    town.go_to(berlin(-6, 12))
    assert ana.steps[-1] == "details"


def test_link_scanners_change_nothing(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.sign_up(FRIDAY)
    ana.visitor.open(ana.link("confirm"))
    town.go_to(berlin(-9, 12))
    assert ana.steps == ["confirm", "confirm_again"]


def test_ana_travels_and_the_emails_travel_with_her(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-4, 12))
    ana.change("zone", home_zone="America/New_York")
    ana.zone = "America/New_York"
    town.go_to(berlin(1, 12))
    assert ana.received[5:] == [
        "salary Tue 01 09:00",
        "questions Wed 02 09:00",
        "day_before Thu 03 16:00",
        # 14:00 in Berlin is 08:00 in New York: no email on the morning of an early interview
        "thanks Fri 04 11:00",
    ]


def test_who_is_erased_leaves_no_trace_but_a_hash(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY, company="Ninefold Ltd")
    town.run("subscribers", "erase", ana.address, "--yes")
    town.go_to(berlin(40, 12))
    assert ana.steps == ["confirm", "welcome"]
    with town.stage.application.database.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows = str(connection.execute(table.select()).all())
            for trace in ("ana@example.com", "Ninefold", "Ana"):
                assert trace not in rows, (table, trace)


def test_the_farewell_s_button_keeps_the_newsletter_and_nothing_else(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(28, 12))
    assert ana.steps[-1] == "farewell"
    assert f"{ana.plan_url}/newsletter" in ana.emails[-1].text
    ana.change("newsletter", **{"list-newsletter": "yes"})
    with town.stage.application.database.read() as session:
        assert has_newsletter(session, 1)
        consent = session.scalars(select(Consent).where(Consent.purpose == "newsletter:newsletter")).one()
    assert consent.confirmed_at is not None


def test_a_changed_timetable_moves_what_is_planned_and_touches_nothing_that_left(town: Town) -> None:
    ana = town.person("Ana", "Europe/Berlin")
    ana.join(FRIDAY)
    town.go_to(berlin(-6, 12))
    application = town.stage.application
    files = application.catalog.files("second_interview")
    timetable = files.texts["sequence.toml"].replace('gap    = "18h"', 'gap    = "20h"')
    texts = {**files.texts, "sequence.toml": timetable}
    changed = CampaignFiles("second_interview", texts, version_of(texts))
    assert changed.version != files.version
    with application.database.write() as session:
        publish(session, "second_interview", changed, base=1, now=town.now)
    assert town.stage.worker.tick().planned_again == 1
    assert town.stage.worker.tick().planned_again == 0
    assert ana.steps == ["confirm", "welcome", "details"]
