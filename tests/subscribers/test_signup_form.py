"""The form's strings: every wrong field is named at once, in words for the person who typed it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from subscribers import InvalidSignUp, SignUp

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOD = {
    "email": "ana@example.com",
    "first_name": "Ana",
    "interview_date": "2026-12-04",
    "interview_time": "14:00",
    "home_zone": "Europe/Berlin",
    "consent": "yes",
}


def wrong(**values: str) -> dict[str, str]:
    with pytest.raises(InvalidSignUp) as caught:
        SignUp.parse(GOOD | values, now=NOW)
    return caught.value.errors


def test_a_good_form_is_read() -> None:
    form = SignUp.parse(GOOD, now=NOW)
    assert (form.address, form.first_name) == ("ana@example.com", "Ana")
    assert (form.held_on, form.start_time) == (date(2026, 12, 4), time(14))
    assert form.zone == form.home_zone == "Europe/Berlin"
    assert (form.mode, form.interviewers, form.format) == ("unknown", "unknown", "unknown")


def test_only_address_day_zone_and_consent_are_needed() -> None:
    few = {name: GOOD[name] for name in ("email", "interview_date", "home_zone", "consent")}
    form = SignUp.parse(few, now=NOW)
    assert (form.start_time, form.first_name, form.company) == (None, "", "")


def test_the_interview_has_a_zone_of_its_own() -> None:
    form = SignUp.parse(GOOD | {"interview_zone": "Pacific/Auckland"}, now=NOW)
    assert (form.zone, form.home_zone) == ("Pacific/Auckland", "Europe/Berlin")


def test_every_wrong_field_is_named_not_only_the_first() -> None:
    errors = wrong(
        email="ana@", interview_date="2026-02-30", home_zone="Mars/Olympus", consent="", mode="letter"
    )
    assert errors.keys() == {"email", "interview_date", "home_zone", "consent", "mode"}


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("", "please enter the day"),
        ("2026-02-30", "not a day of the calendar"),
        ("2027-02-29", "not a day of the calendar"),
        ("0000-00-00", "not a day of the calendar"),
        ("04.12.2026", "write it like 2026-12-04"),
        ("12/04/2026", "write it like"),
        ("2026-W49-5", "write it like"),
        ("20261204", "write it like"),
        ("2026-12-04T14:00", "write it like"),
        ("٢٠٢٦-١٢-٠٤", "write it like"),
        ("tomorrow", "write it like"),
        ("9999-12-31", "more than a year ahead"),
        ("2027-11-24", "more than a year ahead"),
        ("2026-09-23", "more than 60 days past"),
        ("1999-12-31", "more than 60 days past"),
    ],
)
def test_days_nobody_can_have_an_interview_on(day: str, message: str) -> None:
    assert message in wrong(interview_date=day)["interview_date"]


def test_the_first_and_the_last_day_are_taken_where_the_interview_is() -> None:
    for day in ("2026-09-24", "2027-11-23"):
        assert SignUp.parse(GOOD | {"interview_date": day}, now=NOW).held_on.isoformat() == day
    # In Kiritimati it is tomorrow already.
    there = GOOD | {"interview_zone": "Pacific/Kiritimati", "interview_date": "2027-11-24"}
    assert SignUp.parse(there, now=NOW).held_on == date(2027, 11, 24)


def test_a_day_the_calendar_skipped_is_refused() -> None:
    then = datetime(2011, 12, 1, tzinfo=UTC)
    values = GOOD | {"interview_zone": "Pacific/Apia", "interview_date": "2011-12-30"}
    with pytest.raises(InvalidSignUp, match="does not exist in Pacific/Apia"):
        SignUp.parse(values, now=then)


@pytest.mark.parametrize(
    "zone",
    ["Mars/Olympus", "Europe/berlin", "../../etc/passwd", "Etc/GMT+9", "EST5EDT", "localtime", "CET",
     "+02:00", "Europe/Berlin\n", "x" * 10_000],
)  # fmt: skip
def test_zones_nobody_lives_in(zone: str) -> None:
    for field in ("home_zone", "interview_zone"):
        message = wrong(**{field: zone})[field]
        assert "not a time zone we know" in message
        assert len(message) < 200


def test_no_zone_at_all_is_asked_for() -> None:
    assert wrong(home_zone="")["home_zone"] == "please choose your time zone"


@pytest.mark.parametrize("wall", ["25:00", "14:60", "2pm", "14.00", "14:00+02:00", "٩:٠٠", "24:00"])
def test_hours_no_clock_shows(wall: str) -> None:
    assert "write it like 14:00" in wrong(interview_time=wall)["interview_time"]


@pytest.mark.parametrize("field", ["first_name", "company", "role"])
@pytest.mark.parametrize(
    "text", ["An\x00a", "An\na", "\u202eanA", "\x1b]0;x", "see https://x.example", "www.x.example"]
)
def test_free_text_carries_nothing_invisible_and_no_address(field: str, text: str) -> None:
    assert field in wrong(**{field: text})


def test_free_text_has_an_end() -> None:
    assert "shorten" in wrong(first_name="A" * 81)["first_name"]
    assert "shorten" in wrong(company="A" * 10_000_000)["company"]
    for name in ("Zoë O’Brien-Søren", "李小龍", "{{7*7}}", "محمد"):
        assert SignUp.parse(GOOD | {"first_name": name}, now=NOW).first_name == name


def test_choices_countries_and_decisions() -> None:
    assert "none of: onsite" in wrong(mode="letter")["mode"]
    assert "country code" in wrong(country="Germany")["country"]
    assert SignUp.parse(GOOD | {"country": "de"}, now=NOW).country == "DE"
    assert "before the interview" in wrong(decision_on="2026-12-03")["decision_on"]


@pytest.mark.parametrize("answer", ["", "no", "off", "0", "maybe"])
def test_without_agreement_nobody_is_written_to(answer: str) -> None:
    assert "agreement" in wrong(consent=answer)["consent"]


def test_the_form_shows_nothing_of_the_person() -> None:
    shown = repr(SignUp.parse(GOOD, now=NOW))
    assert "ana@example.com" not in shown
    assert "Ana" not in shown
