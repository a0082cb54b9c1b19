"""Who may look at /ops, and how they prove it."""

from runup.operators.accounts import Access, UnknownOperator, parse_name
from runup.operators.logging_in import Login, log_in
from runup.operators.rows import FailedLogin, Operator, OperatorSession, RecoveryCode
from runup.operators.throttle import TooManyLogins

__all__ = [
    "Access",
    "FailedLogin",
    "Login",
    "Operator",
    "OperatorSession",
    "RecoveryCode",
    "TooManyLogins",
    "UnknownOperator",
    "log_in",
    "parse_name",
]
