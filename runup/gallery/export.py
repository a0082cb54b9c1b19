from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runup.gallery.pages import ASSETS, GalleryPages, asset
from runup.gallery.wordings import Gallery, Wording, on_screen


def write_gallery(gallery: Gallery, folder: Path) -> int:
    """Write the gallery as files that work from disk: index.html and, per wording, a page, the email on light
    and dark screens, its text, and the message. Returns how many wordings there are."""
    pages = GalleryPages(gallery, can_try=False)
    for part in ("emails", "frames", "static"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in ASSETS:
        (folder / "static" / name).write_bytes(asset(name, gallery.catalog.brand))
    for wording in gallery.wordings.values():
        (folder / "emails" / f"{wording.name}.html").write_text(pages.email(wording), "utf-8")
        for name, content in frames(wording):
            (folder / "frames" / name).write_bytes(content)
    (folder / "index.html").write_text(pages.index(), "utf-8")
    return len(gallery.wordings)


def frames(wording: Wording) -> Iterator[tuple[str, bytes]]:
    """File name and content of everything that is shown of one wording."""
    for scheme in ("light", "dark"):
        yield f"{wording.name}.{scheme}.html", on_screen(wording.content.html, scheme).encode()
    yield f"{wording.name}.html", wording.content.html.encode()
    yield f"{wording.name}.txt", wording.content.text.encode()
    yield f"{wording.name}.eml", wording.message
