"""Who we write to, their interviews, their consent, and whether we may write at all."""

from subscribers.address import InvalidAddress, address_hmac, masked, parse_address
from subscribers.consent import (
    CONFIRM_WITHIN,
    WORDING,
    WORDING_VERSION,
    ConfirmationExpired,
    Consent,
    confirm,
    unsubscribe,
)
from subscribers.interview import (
    Format,
    Interview,
    Interviewers,
    InvalidInterviewDate,
    Mode,
    Outcome,
    cancel,
    change_details,
    check_interview_date,
    move,
    tell_decision_day,
    tell_outcome,
)
from subscribers.links import InvalidLink, Links, Purpose
from subscribers.lists import Subscription, has_newsletter
from subscribers.signup import InvalidSignUp, SignUp, sign_up
from subscribers.subscriber import Subscriber, change_home_zone, find_subscriber, lock_subscriber
from subscribers.suppression import Reason, Suppression, find_suppression, is_suppressed, lift, suppress
from subscribers.wall_time import MissingDate, UnknownZone, parse_zone, tzdata_version, zone_names

__all__ = [
    "CONFIRM_WITHIN",
    "WORDING",
    "WORDING_VERSION",
    "ConfirmationExpired",
    "Consent",
    "Format",
    "Interview",
    "Interviewers",
    "InvalidAddress",
    "InvalidInterviewDate",
    "InvalidLink",
    "InvalidSignUp",
    "Links",
    "MissingDate",
    "Mode",
    "Outcome",
    "Purpose",
    "Reason",
    "SignUp",
    "Subscriber",
    "Subscription",
    "Suppression",
    "UnknownZone",
    "address_hmac",
    "cancel",
    "change_details",
    "change_home_zone",
    "check_interview_date",
    "confirm",
    "find_subscriber",
    "find_suppression",
    "has_newsletter",
    "is_suppressed",
    "lift",
    "lock_subscriber",
    "masked",
    "move",
    "parse_address",
    "parse_zone",
    "sign_up",
    "suppress",
    "tell_decision_day",
    "tell_outcome",
    "tzdata_version",
    "unsubscribe",
    "zone_names",
]
