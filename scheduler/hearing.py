"""Applies what was heard of our emails."""

from __future__ import annotations

from delivery.records import DeliveryRecord

__all__ = ["DeliveryRecord"]
