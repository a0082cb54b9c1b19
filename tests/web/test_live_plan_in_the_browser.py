from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_the_plan_follows_the_day_the_time_and_the_zone(open_page):
    page = open_page(timezone_id="Europe/Berlin")
    page.goto("/")
    lines = page.locator("#plan-lines")
    expect(lines).to_contain_text("A week before")
    page.get_by_label("Day", exact=True).fill("2026-12-04")
    expect(lines).to_contain_text(re.compile(r"Friday, November 27, 9:00.AM"))
    page.get_by_label("Time optional", exact=True).fill("16:00")
    expect(lines).to_contain_text(re.compile(r"Friday, December 4, 4:00.PMYour interview"))
    page.get_by_label("Your time zone").select_option("Pacific/Auckland")
    expect(page.locator("#plan-note")).to_contain_text("By Auckland time")


def test_a_late_date_is_told_politely_and_a_wrong_one_takes_the_plan_back(open_page):
    page = open_page(timezone_id="Europe/Berlin")
    page.goto("/?date=2026-11-25")
    said = page.locator("#plan-said")
    expect(said).to_have_attribute("aria-live", "polite")
    expect(said).to_contain_text("Your interview is close")
    expect(page.locator("#plan-lines")).to_contain_text("with the core of: Go one level deeper")
    page.get_by_label("Day", exact=True).fill("2029-12-04")
    expect(said).to_contain_text("please check the year")
    expect(page.locator("#plan-lines")).to_contain_text("A week before")


def test_the_plan_on_a_phone_is_one_tap_away(open_page):
    page = open_page(size="phone", timezone_id="Europe/Berlin")
    page.goto("/")
    page.get_by_label("Day", exact=True).fill("2026-12-04")
    page.get_by_role("link", name="See each of them").click()
    expect(page.get_by_role("heading", name="What arrives, and when")).to_be_in_viewport()
