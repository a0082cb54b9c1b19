"""When: plan, claim, work, recover.

Whatever sends is imported when it is first asked for: most commands only read, and would begin half a second
later with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# With these this room maps the tables of every room.
import campaigns.newsletter
import campaigns.trial
import campaigns.version  # noqa: F401 - for its tables
import delivery.records  # noqa: F401 - for its tables
import scheduler.reaction
import scheduler.trial_sends
import scheduler.webhook  # noqa: F401 - the others of it are for theirs
from scheduler.gauges import BreakerState, Canary, Heartbeat, Hold, Installation, RateBucket
from scheduler.outlook import Line, outlook, told, worth_telling
from scheduler.reconcile import reconcile
from scheduler.send import Attempt, Send, State

if TYPE_CHECKING:
    from scheduler.braking import release_brake
    from scheduler.clock import Clock
    from scheduler.composing import Composer, Sender
    from scheduler.journal import Journal
    from scheduler.lock import AlreadyRunning, only_worker
    from scheduler.worker import Tally, Worker

__all__ = [
    "AlreadyRunning",
    "Attempt",
    "BreakerState",
    "Canary",
    "Clock",
    "Composer",
    "Heartbeat",
    "Hold",
    "Installation",
    "Journal",
    "Line",
    "RateBucket",
    "Send",
    "Sender",
    "State",
    "Tally",
    "Worker",
    "only_worker",
    "outlook",
    "reconcile",
    "release_brake",
    "told",
    "worth_telling",
]

_KEPT_IN = {
    "braking": ("release_brake",),
    "clock": ("Clock",),
    "composing": ("Composer", "Sender"),
    "journal": ("Journal",),
    "lock": ("AlreadyRunning", "only_worker"),
    "worker": ("Tally", "Worker"),
}


def __getattr__(name: str) -> Any:
    for module, names in _KEPT_IN.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"scheduler.{module}"), name)
            return value
    raise AttributeError(f"module 'scheduler' has no attribute {name!r}")
