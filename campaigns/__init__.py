"""What we say, and when, relative to an interview.

Each name is imported when it is first asked for. Every compilation and every check starts a child process in
this room, and with the database behind some of these names it would take five times as long to begin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaigns.applied_catalog import Applied, applied
    from campaigns.catalog import Catalog
    from campaigns.context import Brand
    from campaigns.enrollment import Campaign, CampaignState, Enrollment, archive, pause, resume
    from campaigns.errors import CampaignError
    from campaigns.planning import PlannedSend, Situation, plan
    from campaigns.publishing import publish, register
    from campaigns.reasons import PLAIN_WORDS, Reason
    from campaigns.sequence import Sequence, Step

__all__ = [
    "PLAIN_WORDS",
    "Applied",
    "Brand",
    "Campaign",
    "CampaignError",
    "CampaignState",
    "Catalog",
    "Enrollment",
    "PlannedSend",
    "Reason",
    "Sequence",
    "Situation",
    "Step",
    "applied",
    "archive",
    "pause",
    "plan",
    "publish",
    "register",
    "resume",
]

_KEPT_IN = {
    "applied_catalog": ("Applied", "applied"),
    "catalog": ("Catalog",),
    "context": ("Brand",),
    "enrollment": ("Campaign", "CampaignState", "Enrollment", "archive", "pause", "resume"),
    "errors": ("CampaignError",),
    "planning": ("PlannedSend", "Situation", "plan"),
    "publishing": ("publish", "register"),
    "reasons": ("PLAIN_WORDS", "Reason"),
    "sequence": ("Sequence", "Step"),
}


def __getattr__(name: str) -> Any:
    for module, names in _KEPT_IN.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"campaigns.{module}"), name)
            return value
    raise AttributeError(f"module 'campaigns' has no attribute {name!r}")
