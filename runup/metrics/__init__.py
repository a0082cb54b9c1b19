"""What Prometheus is told: read from the rows when it asks, so every process tells the same."""

from runup.metrics.registry import exposing, registry_of

__all__ = ["exposing", "registry_of"]
