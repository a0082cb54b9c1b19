"""One file per provider: verify what it tells us and translate it into our words."""
