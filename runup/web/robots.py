"""What tells a person with a form from a robot: a page takes time to fill in, and is sent once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from runup.web.csrf import VALID_FOR, SentForm, StaleForm
from runup.web.rate_limits import Limit, TooMany
from runup.web.site import Site

HONEYPOT = "website"
"""A field no person sees. What fills it in is told what everybody is told, and nothing is stored."""
QUICKEST = timedelta(seconds=2)
"""Nobody reads the page and fills it in faster."""
ONCE = Limit("a page", 1, VALID_FOR)


class TooQuick(StaleForm):
    """The page may be sent again, with the token it has: it was not read yet."""


def require_patience(sent: SentForm) -> None:
    """Raises TooQuick."""
    if sent.age < QUICKEST:
        raise TooQuick


@contextmanager
def once(site: Site, page: str, form: Hashable) -> Iterator[bool]:
    """Whether to act: not if this very form was sent from this page before (a button pressed twice).

    `page`: the page's token. Raises StaleForm where one page is sent with other values: robots keep a page
    and send it many times. A block that fails does not count.
    """
    content = f"{page} {hash(form)}"
    if site.turnstile.has_passed(content, ONCE, now=site.now):
        yield False
        return
    try:
        site.turnstile.take(page, ONCE, now=site.now)
    except TooMany:
        raise StaleForm from None
    site.turnstile.take(content, ONCE, now=site.now)
    unless_it_fails = site.turnstile.unless_it_fails
    with unless_it_fails(page, ONCE), unless_it_fails(content, ONCE):
        yield True
