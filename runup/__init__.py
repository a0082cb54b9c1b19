"""The front door and the ground floor."""
