"""When: plan, claim, work, recover."""

import campaigns.newsletter  # noqa: F401 - with it this room maps the tables of every room
from scheduler.braking import release_brake
from scheduler.clock import Clock
from scheduler.composing import Composer, Sender
from scheduler.gauges import BreakerState, Canary, Heartbeat, Hold, Installation, RateBucket
from scheduler.journal import Journal
from scheduler.lock import AlreadyRunning, only_worker
from scheduler.outlook import Line, outlook, told, worth_telling
from scheduler.reconcile import reconcile
from scheduler.send import Attempt, Send, State
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
