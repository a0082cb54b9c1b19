"""What comes back by email: bounces, delays and complaints, as events; and what is none of these."""

from delivery.bounces.reading import LARGEST, NoReport, Reading, read_returned

__all__ = ["LARGEST", "NoReport", "Reading", "read_returned"]
