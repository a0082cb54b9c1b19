"""How an email leaves, and what we hear afterwards."""
