from __future__ import annotations

import re

from runup.web.ics_events import Event, Property
from subscribers import Mode

_VIDEO = re.compile(
    r"zoom\.us|\bzoom\b|teams\.(?:microsoft|live)\.com|\bteams\b|meet\.google\.com|google meet|webex"
    r"|whereby\.com|meet\.jit\.si|\bjitsi\b|gotomeeting|gotomeet\.me|skype|bluejeans|chime\.aws|hirevue|\bvideo|\bonline\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"https://[\w.-]{0,80}?(?:zoom\.us|teams\.(?:microsoft|live)\.com|meet\.google\.com|webex\.com)/\S+",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"^\s*(?:tel:)?\+?[\d\s()/.-]{6,}\s*$|\btel:|\bphone\b|\bcall\b|\btelephone\b", re.IGNORECASE
)
_LINKS = (
    "CONFERENCE",
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
)
_NOTHING = Property("")
MOST_READ = 500
"""Characters of a place; the rest of a longer one says nothing more."""


def mode_of(event: Event) -> Mode:
    """Video, phone or on site, as far as the invitation tells; UNKNOWN rather than a wild guess.

    What stands as the place counts first: calendar programs put a video link into every description.
    """
    location = event.get("LOCATION", _NOTHING).value[:MOST_READ].strip()
    if _VIDEO.search(location):
        return Mode.VIDEO
    if _PHONE.search(location):
        return Mode.PHONE
    if location and not location.lower().startswith(("http://", "https://")):
        return Mode.ONSITE
    if any(event.get(name, _NOTHING).value.strip() for name in _LINKS):
        return Mode.VIDEO
    told = " ".join(event.get(name, _NOTHING).value for name in ("LOCATION", "URL", "DESCRIPTION"))
    return Mode.VIDEO if _LINK.search(told) else Mode.UNKNOWN
