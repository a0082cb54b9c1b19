"""One file per way an email can leave."""
