"""The gallery's pages, the same in the browser and on disk: every address in them is relative."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from campaigns.context import Brand
from runup.gallery.wordings import Gallery, Wording
from runup.web import dates
from runup.web.pages import read_asset
from runup.web.palette import stylesheet
from runup.web.zones import zone_choices

ASSETS = ("site.css", "gallery.css", "gallery.js", "icon.svg", "brand.css")
VIEWS = (("phone", "light"), ("desktop", "light"), ("phone", "dark"), ("desktop", "dark"))


class GalleryPages:
    """`can_try`: somebody is there to render for a reader of the visitor's choice."""

    def __init__(self, gallery: Gallery, *, can_try: bool) -> None:
        self._environment = Environment(
            loader=PackageLoader("templates", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            gallery=gallery,
            brand=gallery.catalog.brand,
            can_try=can_try,
            dates=dates,
            views=VIEWS,
            zone_choices=zone_choices,
        )

    def index(self) -> str:
        return self._render("gallery.html", root="")

    def email(self, wording: Wording) -> str:
        shelf = next(one for one in self._shelves if one.step == wording.step)
        return self._render("gallery_email.html", root="../", wording=wording, shelf=shelf)

    def trial(self, **values: Any) -> str:
        return self._render("gallery_trial.html", root="../", **values)

    @property
    def _shelves(self) -> list[Any]:
        gallery = self._environment.globals["gallery"]
        assert isinstance(gallery, Gallery)
        return list(gallery.shelves)

    def _render(self, name: str, **values: Any) -> str:
        return self._environment.get_template(name).render(values)


def asset(name: str, brand: Brand) -> bytes:
    """A file of `static/`. Raises KeyError for others."""
    if name not in ASSETS:
        raise KeyError(name)
    if name == "brand.css":
        return stylesheet(brand.color).encode()
    return (
        read_asset(name).replace(b"currentColor", brand.color.encode())
        if name == "icon.svg"
        else read_asset(name)
    )
