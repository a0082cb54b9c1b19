from __future__ import annotations

from runup.web.countries import country_choices
from runup.web.dates import distance, place
from runup.web.zones import is_listed, zone_choices
from subscribers import zone_names


def listed():
    return [zone.name for _, zones in zone_choices() for zone in zones]


def test_every_choice_is_a_zone_the_form_accepts():
    assert set(listed()) <= zone_names()
    assert len(listed()) == len(set(listed())) > 400


def test_the_choices_are_places_and_no_aliases():
    assert {"Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns", "UTC"} <= set(listed())
    assert not {"US/Eastern", "Asia/Calcutta", "Etc/GMT+5"} & set(listed())
    assert not is_listed("Asia/Calcutta")


def test_a_zone_is_called_by_its_city():
    assert place("America/Argentina/Buenos_Aires") == "Buenos Aires time"
    assert place("UTC") == "UTC"


def test_countries_have_two_letters_and_a_name():
    countries = dict(country_choices())
    assert countries["DE"] == "Germany"
    assert not {"EU", "ZZ", "UN"} & set(countries)


def test_distances_read_well():
    assert [distance(days) for days in (-3, -1, 0, 1, 9)] == [
        "3 days ago", "yesterday", "today", "tomorrow", "in 9 days",
    ]  # fmt: skip
