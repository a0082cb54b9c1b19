"""Read-only questions across the rooms: how things stand, and what came of it."""

from runup.reports.listing import subscriber_rows
from runup.reports.period import Period
from runup.reports.report import Line, Report, report
from runup.reports.standing import (
    DOUBLED,
    FINAL_WITHIN,
    LATE_AFTER,
    SILENT_AFTER,
    Status,
    next_due_at,
    status,
)

__all__ = [
    "DOUBLED",
    "FINAL_WITHIN",
    "LATE_AFTER",
    "SILENT_AFTER",
    "Line",
    "Period",
    "Report",
    "Status",
    "next_due_at",
    "report",
    "status",
    "subscriber_rows",
]
