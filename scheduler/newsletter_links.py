from __future__ import annotations

from campaigns.context import LinkSet
from scheduler.draft import Draft
from subscribers.links import Links, Purpose


def newsletter_links(links: Links, draft: Draft) -> LinkSet:
    """Of an email without an interview. `unsubscribe` leaves the one list, with a single click too; `plan`
    leads to all their newsletters."""
    assert draft.place_id is not None, "it asks for a place on a list, or is sent for one"
    if draft.issue is None:
        # It goes to somebody who is not with us: no door into their data.
        return LinkSet(confirm=links.url(Purpose.JOIN, draft.place_id))
    site = links.base_url.rstrip("/")
    newsletters = links.url(Purpose.NEWSLETTERS, draft.subscriber_id)
    return LinkSet(
        plan=newsletters,
        newsletter=newsletters,
        archive=f"{site}/newsletter/archive/{draft.issue.list_key}/{draft.issue.slug}",
        next_round=f"{site}/",
        unsubscribe=links.url(Purpose.LEAVE, draft.place_id),
    )
