from __future__ import annotations

from functools import cache

from babel import Locale

from runup.web.languages import language


def country_choices() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country, by name. Two letters only: the rest are continents and groups."""
    return _choices(language())


@cache
def _choices(code: str) -> tuple[tuple[str, str], ...]:
    territories = Locale.parse(code).territories
    countries = [
        (key, name)
        for key, name in territories.items()
        if len(key) == 2 and key.isalpha() and key not in _NO_COUNTRY
    ]
    return tuple(sorted(countries, key=lambda country: country[1]))


_NO_COUNTRY = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
