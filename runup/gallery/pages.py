"""The gallery's pages, the same in the browser and on disk: every address in them is relative."""

from __future__ import annotations

from typing import Any

from campaigns.context import Brand
from runup.gallery.wordings import Gallery, Wording
from runup.web.pages import Pages, read_asset
from runup.web.palette import stylesheet

ASSETS = ("site.css", "gallery.css", "gallery.js", "icon.svg", "brand.css")
VIEWS = (("phone", "light"), ("desktop", "light"), ("phone", "dark"), ("desktop", "dark"))


class GalleryPages:
    """`can_try`: somebody is there to render for a reader of the visitor's choice."""

    def __init__(self, gallery: Gallery, *, can_try: bool) -> None:
        self._gallery = gallery
        self._pages = Pages(gallery.catalog.brand, gallery=gallery, can_try=can_try, views=VIEWS)

    def index(self) -> str:
        return self._pages.render("gallery.html", root="")

    def email(self, wording: Wording) -> str:
        shelf = next(one for one in self._gallery.shelves if wording in one.wordings)
        return self._pages.render("gallery_email.html", root="../", wording=wording, shelf=shelf)

    def trial(self, **values: Any) -> str:
        return self._pages.render("gallery_trial.html", root="../", **values)


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
