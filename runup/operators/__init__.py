"""Who may look at /ops, and how they prove it."""

from runup.operators.rows import FailedLogin, Operator, OperatorSession, RecoveryCode

__all__ = ["FailedLogin", "Operator", "OperatorSession", "RecoveryCode"]
