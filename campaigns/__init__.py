"""What we say, and when, relative to an interview."""

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
