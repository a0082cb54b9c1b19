"""What an operator may want to know of links: where a visit came from, and how many people clicked. All of it
is off unless asked for, and never in an email to somebody who has not agreed."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from campaigns.rendering import Content
from subscribers.links import Links, Purpose

_HREF = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"]+)(")', re.IGNORECASE)
_IN_TEXT = re.compile(r"https?://[^\s<>()\[\]\"']*[^\s<>()\[\]\"'.,;:!?]")
_BITS = 128


@dataclass(frozen=True, kw_only=True)
class Marks:
    """`hosts`: whose links get UTM values, besides the site's own. Nothing is on by default."""

    utm_source: str = ""
    utm_medium: str = "email"
    hosts: frozenset[str] = frozenset()
    counts_clicks: bool = False
    counts_opens: bool = False

    @property
    def is_off(self) -> bool:
        return not (self.utm_source or self.counts_clicks or self.counts_opens)

    def mark(
        self, content: Content, *, links: Links, send_id: int, campaign: str, step: str
    ) -> tuple[Content, Mapping[str, str]]:
        """The email with its links marked, and where the counted ones lead, by their digest: to be kept
        before it leaves. Links that carry a signature of ours stay as they are."""
        marker = _Marker(self, links, send_id, {"utm_campaign": campaign, "utm_content": step})
        written = _HREF.sub(marker.in_html, content.html)
        if self.counts_opens:
            written = marker.with_pixel(written)
        text = _IN_TEXT.sub(marker.in_text, content.text) if self.utm_source else content.text
        return replace(content, html=written, text=text), marker.targets


OFF = Marks()


def digest_of(url: str) -> str:
    """By what a link names its target: 128 bits in hexadecimal."""
    return hashlib.sha256(url.encode()).hexdigest()[: _BITS // 4]


def identity_of(send_id: int, digest: str) -> int:
    """Both in the one number that a signed link carries."""
    return send_id << _BITS | int(digest, 16)


def parts_of(identity: int) -> tuple[int, str]:
    """The send and the digest again."""
    return identity >> _BITS, f"{identity & (1 << _BITS) - 1:0{_BITS // 4}x}"


@dataclass
class _Marker:
    marks: Marks
    links: Links
    send_id: int
    names: Mapping[str, str]
    targets: dict[str, str] = field(default_factory=dict)

    def in_html(self, found: re.Match[str]) -> str:
        before, url, after = found.groups()
        return before + html.escape(self._counted(self._tagged(html.unescape(url)))) + after

    def in_text(self, found: re.Match[str]) -> str:
        return self._tagged(found[0])

    def with_pixel(self, written: str) -> str:
        address = f"{self.links.url(Purpose.OPEN, self.send_id)}.gif"
        pixel = f'<img src="{address}" width="1" height="1" alt="" style="display:block;border:0">'
        head, end, rest = written.rpartition("</body>")
        return f"{head}{pixel}{end}{rest}" if end else written + pixel

    def _tagged(self, url: str) -> str:
        if not self.marks.utm_source or self._is_signed(url) or not self._is_ours(url):
            return url
        parts = urlsplit(url)
        values = {"utm_source": self.marks.utm_source, "utm_medium": self.marks.utm_medium, **self.names}
        given = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        more = urlencode({name: value for name, value in values.items() if name not in given})
        return parts._replace(query="&".join(filter(None, (parts.query, more)))).geturl()

    def _counted(self, url: str) -> str:
        if not self.marks.counts_clicks or self._is_signed(url) or len(url) > MOST:
            return url
        digest = digest_of(url)
        self.targets[digest] = url
        return self.links.url(Purpose.CLICK, identity_of(self.send_id, digest))

    def _is_ours(self, url: str) -> bool:
        host = (urlsplit(url).hostname or "").lower()
        return host == urlsplit(self.links.base_url).hostname or host in self.marks.hosts

    def _is_signed(self, url: str) -> bool:
        """Unsubscribing, confirming and one's own plan: nothing may stand between a person and those."""
        return url.startswith(tuple(f"{self.links.base_url.rstrip('/')}/{purpose}/" for purpose in Purpose))


MOST = 2_000
"""Characters of an address that is counted; a longer one is left as it is."""
