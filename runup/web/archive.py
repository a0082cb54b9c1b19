"""What newsletters have said: a page per issue, a list of them, and a feed."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from campaigns.newsletter import NewsletterIssue, find_published, published
from runup.web.revalidating import answer
from runup.web.site import Site, SiteDep

router = APIRouter(prefix="/newsletter")

ATOM = "http://www.w3.org/2005/Atom"
IN_FEED = 20
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When a feed without issues was last changed."""
_KEPT_BY_ANYBODY = {"Cache-Control": "public, max-age=600"}


@router.api_route("/archive", methods=["GET", "HEAD"])
def archive(site: SiteDep) -> Response:
    """Every issue that everybody may read, the newest first."""
    names = _public(site)
    with site.application.database.read() as session:
        issues = published(session, names)
        return site.page("archive.html", issues=issues, names=names)


@router.api_route("/archive/{list_key}/{slug}", methods=["GET", "HEAD"])
def issue(list_key: str, slug: str, site: SiteDep) -> Response:
    """One issue, in the words of its text part. A draft, or one of a private list, is not there."""
    names = _public(site)
    with site.application.database.read() as session:
        found = find_published(session, list_key, slug) if list_key in names else None
        if found is None:
            raise HTTPException(404)
        return site.page("archive_issue.html", issue=found, letter=names[list_key], parts=_parts(found.text))


@router.api_route("/feed.atom", methods=["GET", "HEAD"])
def feed(request: Request, site: SiteDep) -> Response:
    """The newest issues as Atom (RFC 4287), for readers of feeds."""
    with site.application.database.read() as session:
        issues = published(session, _public(site), most=IN_FEED)
        content = _atom(site, issues)
    return answer(
        request,
        content,
        media_type="application/atom+xml",
        changed_at=_sent_at(issues[0]) if issues else BEGINNING,
        headers=_KEPT_BY_ANYBODY,
    )


def _public(site: Site) -> dict[str, str]:
    """The names of the lists that are open to everybody, by key."""
    return {each.key: each.name for each in site.lists if each.is_public}


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]


def _atom(site: Site, issues: list[NewsletterIssue]) -> bytes:
    ElementTree.register_namespace("", ATOM)
    brand = site.application.brand
    host, base = urlsplit(brand.site_url).hostname, f"{brand.site_url}/newsletter"
    root = ElementTree.Element(f"{{{ATOM}}}feed")
    _add(root, "id", f"tag:{host},2026:newsletter")
    _add(root, "title", f"{brand.name}: newsletter")
    _add(root, "updated", _moment(_sent_at(issues[0]) if issues else BEGINNING))
    _add(root, "link", rel="self", href=f"{base}/feed.atom", type="application/atom+xml")
    _add(root, "link", rel="alternate", href=f"{base}/archive", type="text/html")
    _add(_add(root, "author"), "name", brand.name)
    for each in issues:
        entry = _add(root, "entry")
        _add(entry, "id", f"tag:{host},2026:newsletter/{each.list_key}/{each.slug}")
        _add(entry, "title", each.subject)
        _add(entry, "published", _moment(_sent_at(each)))
        _add(entry, "updated", _moment(_sent_at(each)))
        page = f"{base}/archive/{each.list_key}/{each.slug}"
        _add(entry, "link", rel="alternate", href=page, type="text/html")
        _add(entry, "summary", each.preheader)
        _add(entry, "content", each.text, type="text")
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    element.text = "".join(c for c in text if c.isprintable() or c == "\n") or None
    return element


def _sent_at(each: NewsletterIssue) -> datetime:
    assert each.sent_at is not None, "only what was sent is published"
    return each.sent_at


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
