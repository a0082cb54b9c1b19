"""What we say, and when, relative to an interview."""
