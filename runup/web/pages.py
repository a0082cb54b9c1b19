from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from campaigns.context import Brand
from runup.web import dates
from runup.web.countries import country_choices
from runup.web.languages import gettext, language, ngettext, others
from runup.web.palette import stylesheet
from runup.web.zones import is_listed, zone_choices
from subscribers import zone_names


class Pages:
    """The HTML pages of `templates/pages`. Every value is escaped; an unknown one is an error.

    `names` are values and functions that every page may use, besides brand, dates and time zones.
    """

    def __init__(self, brand: Brand, **names: Any) -> None:
        self.brand = brand
        self._environment = Environment(
            loader=PackageLoader("templates", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.policies["ext.i18n.trimmed"] = True
        # Asked anew at each use: one environment speaks all languages.
        self._environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
        self._environment.globals.update(
            brand=brand,
            dates=dates,
            asset=lambda name: f"/static/{name}?v={version(name, brand.color)}",
            zone_choices=zone_choices,
            is_other_zone=lambda name: name in zone_names() and not is_listed(name),
            country_choices=country_choices,
            N_=str,
            language=language,
            other_languages=others,
            **names,
        )

        self._environment.filters["sentence"] = _sentence

    def render(self, name: str, **values: Any) -> str:
        return self._environment.get_template(name).render(values)


def _sentence(message: str) -> str:
    """A room's error message, which begins small and ends without a period, as a sentence of a page, in the
    reader's language."""
    message = gettext(message)
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "!", "?")) else ".")


def read_asset(name: str) -> bytes:
    return files("templates").joinpath("pages", "static", name).read_bytes()


@cache
def version(name: str, color: str) -> str:
    """Changes with the file's content, so that a browser may keep what it has for good."""
    content = stylesheet(color).encode() if name == "brand.css" else read_asset(name)
    return hashlib.sha256(content + color.encode()).hexdigest()[:10]
