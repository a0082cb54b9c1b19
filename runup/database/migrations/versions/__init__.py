"""One file per step of the history."""
