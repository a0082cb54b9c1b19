from __future__ import annotations

from functools import cache

from babel import Locale

from runup.web.dates import LOCALE


@cache
def country_choices() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country, by name. Two letters only: the rest are continents and groups."""
    territories = Locale.parse(LOCALE).territories
    countries = [
        (code, name)
        for code, name in territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY
    ]
    return tuple(sorted(countries, key=lambda country: country[1]))


_NO_COUNTRY = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
