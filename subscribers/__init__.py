"""Who we write to, their interviews, their consent, and whether we may write at all."""
