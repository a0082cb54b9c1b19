"""What we say, and when, relative to an interview.

Each name is imported when it is first asked for. Every compilation and every check starts a child process in
this room, and with the database behind some of these names it would take five times as long to begin.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaigns.catalog import Catalog
    from campaigns.context import Brand
    from campaigns.enrollment import Campaign, CampaignState, Enrollment, pause, register, resume
    from campaigns.errors import CampaignError
    from campaigns.planning import PlannedSend, Situation, plan
    from campaigns.reasons import PLAIN_WORDS, Reason
    from campaigns.sequence import Sequence, Step

__all__ = [
    "PLAIN_WORDS",
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
    "pause",
    "plan",
    "register",
    "resume",
]

_KEPT_IN = {
    "catalog": ("Catalog",),
    "context": ("Brand",),
    "enrollment": ("Campaign", "CampaignState", "Enrollment", "pause", "register", "resume"),
    "errors": ("CampaignError",),
    "planning": ("PlannedSend", "Situation", "plan"),
    "reasons": ("PLAIN_WORDS", "Reason"),
    "sequence": ("Sequence", "Step"),
}


def __getattr__(name: str) -> Any:
    for module, names in _KEPT_IN.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"campaigns.{module}"), name)
            return value
    raise AttributeError(f"module 'campaigns' has no attribute {name!r}")
