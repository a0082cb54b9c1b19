"""Facts say where they come from and when somebody last looked."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest

from campaigns.fact_rows import check_facts
from campaigns.source_files import CampaignFiles, load_facts, read_files

TODAY = date(2026, 11, 23)
GOOD = '[DE]\nright = "x"\nsource = "https://pay.example.com"\nreviewed_on = 2026-06-01\n'


def told(text: str, today: date | None = TODAY) -> list[str]:
    campaign = CampaignFiles("short", {"facts/pay.toml": text}, "v")
    return [str(finding) for finding in check_facts(campaign, load_facts(campaign), today)]


def test_a_row_with_a_source_and_a_day_is_fine():
    assert told(GOOD) == []


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        ('[AT]\nreviewed_on = 2026-06-01\n', "short/facts/pay.toml:6: error: [AT] has no source;"),
        (
            '[AT]\nreviewed_on = 2026-06-01\nsource = "http://old.example.com"\n',
            "short/facts/pay.toml:8: error: [AT] has the source 'http://old.example.com'; "
            "a source is an https:// address",
        ),
        ('[AT]\nsource = "https://a.example.com"\n', "short/facts/pay.toml:6: error: [AT] has no review"),
        (
            '[AT]\nsource = "https://a.example.com"\nreviewed_on = "2026-06-01"\n',
            "short/facts/pay.toml:8: error: [AT] was reviewed on '2026-06-01'; write a day without quotes",
        ),
        (
            '[AT]\nsource = "https://a.example.com"\nreviewed_on = 2026-11-24\n',
            "short/facts/pay.toml:8: error: [AT] was reviewed on 2026-11-24, which is still to come",
        ),
        (
            '["AT"]\nsource = "https://a.example.com"\nreviewed_on = 2025-11-22\n',
            "short/facts/pay.toml:8: error: [AT] was last reviewed on 2025-11-22, more than 12 months ago;",
        ),
        (
            '[[rules]]\nsource = "https://a.example.com"\nreviewed_on = 2026-06-01\n'
            '[[rules]]\nsource = "https://a.example.com"\nreviewed_on = 2020-06-01\n',
            "short/facts/pay.toml:11: error: [rules] was last reviewed on 2020-06-01",
        ),
    ],
)  # fmt: skip
def test_a_row_without_them_is_an_error_at_its_line(row, finding):
    [only] = told(GOOD + "\n" + row)

    assert only.startswith(finding)


def test_a_fact_outside_of_a_row_is_an_error():
    [only] = told('motto = "pay well"\n')

    assert only.startswith("short/facts/pay.toml:1: error: `motto` stands outside of a row")


def test_twelve_months_are_counted_by_the_calendar():
    row = GOOD.replace("2026-06-01", "2024-02-29")

    assert told(row, date(2025, 3, 1)) == []
    assert len(told(row, date(2025, 3, 2))) == 1


def test_without_a_day_the_age_is_not_looked_at():
    assert told(GOOD.replace("2026-06-01", "1999-01-01"), None) == []


@pytest.mark.parametrize("campaign", ["second_interview", "_examples/exam"])
def test_the_shipped_facts_are_complete_and_fresh_on_the_day_they_were_written(campaign):
    shelf = files("templates")
    campaign_files = read_files(shelf / campaign, shelf / "_base")
    facts = load_facts(campaign_files)

    assert facts
    assert list(check_facts(campaign_files, facts, TODAY)) == []


def test_the_shipped_facts_go_stale():
    shelf = files("templates")
    campaign_files = read_files(shelf / "second_interview", shelf / "_base")

    findings = list(check_facts(campaign_files, load_facts(campaign_files), date(2027, 11, 24)))

    assert len(findings) == sum(len(table) for table in load_facts(campaign_files).values())
    assert all(finding.line > 1 for finding in findings)
